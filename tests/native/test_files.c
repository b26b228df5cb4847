// sources: native/rootfs.c native/plan.c native/report.c -pthread
//
// Paths of a hostile image: whatever its links say, what is made for it is made inside its root.
#include <pthread.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static bool replace_with_link;

static int played_mkdirat(int parent, const char *name, mode_t mode);

#define mkdirat played_mkdirat
#include "../../native/files.c"
#undef mkdirat

#include "scene.h"

static int played_mkdirat(int parent, const char *name, mode_t mode) {
    int result = mkdirat(parent, name, mode);
    if (replace_with_link && result == 0) {
        MUST(unlinkat(parent, name, AT_REMOVEDIR));
        MUST(symlinkat(CANARY, parent, name));
    }
    return result;
}

// Makes a directory in the root as a mount target would be; returns 0 or -1.
static int ensure(struct sandbox *sandbox, const char *path) {
    int fd = files_ensure_directory(sandbox, path, 0);
    if (fd < 0) return -1;
    close(fd);
    return 0;
}

static int write_file(struct sandbox *sandbox, const char *path, unsigned mode, const char *text) {
    struct plan_step step = {.values = {{.data = path},
                                        {.number = mode},
                                        {.data = text, .size = (uint32_t)strlen(text)}}};
    return files_write(sandbox, &step);
}

static int make_node(struct sandbox *sandbox, const char *path, unsigned mode, dev_t device) {
    struct plan_step step = {.values = {{.data = path},
                                        {.number = mode},
                                        {.number = major(device)},
                                        {.number = minor(device)}}};
    return files_mknod(sandbox, &step);
}

static void missing_directories_are_made(struct sandbox *sandbox) {
    assert(ensure(sandbox, "/a/b//c/") == 0);
    assert(mode_of(ROOT "/a") == (S_IFDIR | 0755));
    assert(mode_of(ROOT "/a/b/c") == (S_IFDIR | 0755));
    assert(ensure(sandbox, "/a/b/c") == 0);
    assert(ensure(sandbox, "/") == 0);
    assert(ensure(sandbox, "relative") == 0 && exists(ROOT "/relative"));
}

static void a_directory_has_the_mode_asked_for_or_keeps_its_own(struct sandbox *sandbox) {
    assert(files_mkdir(sandbox, "/x/shared", 01777) == 0);
    assert(mode_of(ROOT "/x/shared") == (S_IFDIR | 01777));
    assert(mode_of(ROOT "/x") == (S_IFDIR | 0755));
    assert(files_mkdir(sandbox, "/x/shared", 0700) == 0);
    assert(mode_of(ROOT "/x/shared") == (S_IFDIR | 01777));
}

static void links_out_of_the_root_stay_in_it(struct sandbox *sandbox) {
    MUST(mkdir(ROOT STAGE, 0755));
    MUST(mkdir(ROOT CANARY, 0755));
    MUST(symlink(CANARY, ROOT "/absolute"));
    MUST(symlink("../../../../.." CANARY, ROOT "/climbing"));
    assert(ensure(sandbox, "/absolute/one") == 0);
    assert(ensure(sandbox, "/climbing/two") == 0);
    assert(files_symlink(sandbox, "/absolute/three", "/anywhere") == 0);
    assert(write_file(sandbox, "/climbing/four", 0644, "4") == 0);
    assert(exists(ROOT CANARY "/one") && exists(ROOT CANARY "/two"));
    assert(exists(ROOT CANARY "/three") && exists(ROOT CANARY "/four"));
    expect_canary_untouched();
}

static void links_to_nothing_are_refused(struct sandbox *sandbox) {
    MUST(symlink(CANARY "/new", ROOT "/link"));
    MUST(symlink("loop", ROOT "/loop"));
    expect_failure(sandbox, ensure(sandbox, "/link"), EEXIST, "make directory /link");
    expect_failure(sandbox, ensure(sandbox, "/link/sub"), EEXIST, "make directory /link");
    expect_failure(sandbox, files_mkdir(sandbox, "/link", 0755), EEXIST, "make directory /link");
    expect_failure(sandbox, files_ensure_file(sandbox, "/link"), EEXIST, "make file /link");
    expect_failure(sandbox, ensure(sandbox, "/loop"), ELOOP, "open directory /loop");
    expect_canary_untouched();
}

// The links of /proc jump to what they stand for without a look at the path: out of any root.
static void magic_links_are_refused(struct sandbox *sandbox) {
    int canary = open(CANARY, O_PATH | O_DIRECTORY);
    MUST(canary);
    MUST(mkdir(ROOT "/proc", 0755));
    MUST(mount("/proc", ROOT "/proc", NULL, MS_BIND | MS_REC, NULL));
    char path[64], detail[128];
    snprintf(path, sizeof path, "/proc/self/fd/%d", canary);
    snprintf(detail, sizeof detail, "open directory %s", path);
    expect_failure(sandbox, ensure(sandbox, path), ELOOP, detail);
    MUST(symlink(path, ROOT "/hidden"));
    expect_failure(sandbox, ensure(sandbox, "/hidden/sub"), ELOOP, "open directory /hidden/sub");
    expect_failure(sandbox, ensure(sandbox, "/proc/self/root/x"), ELOOP,
                   "open directory /proc/self/root/x");
    expect_canary_untouched();
}

static void a_link_is_refused_where_none_may_be(struct sandbox *sandbox) {
    MUST(mkdir(ROOT "/real", 0755));
    MUST(symlink("/real", ROOT "/proc"));
    int fd = files_ensure_directory(sandbox, "/proc", K_RESOLVE_NO_SYMLINKS);
    expect_failure(sandbox, fd, ELOOP, "open directory /proc");
    fd = files_ensure_directory(sandbox, "/proc/missing", K_RESOLVE_NO_SYMLINKS);
    expect_failure(sandbox, fd, ELOOP, "open directory /proc/missing");
}

static void names_that_are_none_are_refused(struct sandbox *sandbox) {
    expect_failure(sandbox, files_symlink(sandbox, "/", "x"), EINVAL, "/ does not name a file");
    expect_failure(sandbox, files_symlink(sandbox, "", "x"), EINVAL, " does not name a file");
    expect_failure(sandbox, files_symlink(sandbox, "/a/..", "x"), EINVAL,
                   "/a/.. does not name a file");
    expect_failure(sandbox, ensure(sandbox, "/a/../b"), EINVAL, "/a/.. does not name a file");
    expect_failure(sandbox, make_node(sandbox, "/a/.", S_IFIFO | 0600, 0), EINVAL,
                   "/a/. does not name a file");
    assert(!exists(ROOT "/a"));
}

static void an_overlong_path_is_refused(struct sandbox *sandbox) {
    static char path[8192];
    for (size_t i = 0; i + 2 < sizeof path; i += 2) memcpy(path + i, "/d", 2);
    assert(ensure(sandbox, path) == -1 && sandbox->report.error == ENAMETOOLONG);
    assert(!exists(ROOT "/d"));
}

static void files_are_made_new(struct sandbox *sandbox) {
    int fd = files_ensure_file(sandbox, "/deep/target");
    assert(fd >= 0 && mode_of(ROOT "/deep/target") == (S_IFREG | 0644));
    close(fd);
    assert(write_file(sandbox, "/etc/passwd", 0640, "root\n") == 0);
    expect_text(ROOT "/etc/passwd", "root\n");
    assert(mode_of(ROOT "/etc/passwd") == (S_IFREG | 0640));
    expect_failure(sandbox, write_file(sandbox, "/etc/passwd", 0640, "again"), EEXIST,
                   "write file /etc/passwd");
    write_text(CANARY "/file", "canary");
    MUST(symlink(CANARY "/file", ROOT "/etc/group"));
    expect_failure(sandbox, write_file(sandbox, "/etc/group", 0644, "x"), EEXIST,
                   "write file /etc/group");
    expect_text(CANARY "/file", "canary");
}

static void an_existing_file_is_only_opened(struct sandbox *sandbox) {
    write_text(ROOT "/file", "kept");
    int fd = files_ensure_file(sandbox, "/file");
    assert(fd >= 0 && (fcntl(fd, F_GETFL) & O_PATH));
    assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    expect_text(ROOT "/file", "kept");
}

static void a_file_in_the_way_of_a_directory_is_named(struct sandbox *sandbox) {
    write_text(ROOT "/dev", "no directory");
    expect_failure(sandbox, ensure(sandbox, "/dev"), ENOTDIR, "open directory /dev");
    expect_failure(sandbox, ensure(sandbox, "/dev/pts"), ENOTDIR, "open directory /dev/pts");
}

static void nodes_and_links_are_made_as_asked(struct sandbox *sandbox) {
    assert(make_node(sandbox, "/dev/fifo", S_IFIFO | 0622, 0) == 0);
    assert(mode_of(ROOT "/dev/fifo") == (S_IFIFO | 0622));
    expect_failure(sandbox, make_node(sandbox, "/dev/fifo", S_IFIFO | 0622, 0), EEXIST,
                   "make device /dev/fifo");
    assert(files_symlink(sandbox, "/dev/fd", "/proc/self/fd") == 0);
    char target[32] = {0};
    MUST(readlink(ROOT "/dev/fd", target, sizeof target - 1));
    assert(strcmp(target, "/proc/self/fd") == 0);
    expect_failure(sandbox, files_symlink(sandbox, "/dev/fd", "x"), EEXIST,
                   "make symbolic link /dev/fd");
}

static void a_sysctl_is_written_without_following_links(struct sandbox *sandbox) {
    MUST(mkdir(ROOT "/sys", 0755));
    write_text(ROOT "/sys/value", "old");
    assert(files_sysctl(sandbox, "/sys/value", "new") == 0);
    expect_text(ROOT "/sys/value", "new");
    MUST(symlink("value", ROOT "/sys/link"));
    expect_failure(sandbox, files_sysctl(sandbox, "/sys/link", "x"), ELOOP, "open /sys/link");
    expect_failure(sandbox, files_sysctl(sandbox, "/sys/none", "x"), ENOENT, "open /sys/none");
    expect_text(ROOT "/sys/value", "new");
}

static volatile bool racing;

// Somebody who puts a link to the canary in the place of a directory, and takes it away again.
static void *race(void *unused) {
    (void)unused;
    MUST(mkdir(ROOT "/directory", 0755));
    MUST(symlink(CANARY, ROOT "/link"));
    MUST(symlink("../../../" CANARY, ROOT "/other"));
    while (racing) {
        rename(ROOT "/directory", ROOT "/place");
        rename(ROOT "/place", ROOT "/directory");
        rename(ROOT "/link", ROOT "/place");
        rename(ROOT "/place", ROOT "/link");
        rename(ROOT "/other", ROOT "/place");
        rename(ROOT "/place", ROOT "/other");
    }
    return NULL;
}

static void a_race_for_the_path_is_never_won(struct sandbox *sandbox) {
    pthread_t racer;
    racing = true;
    assert(pthread_create(&racer, NULL, race, NULL) == 0);
    for (int round = 0; round < 10000; round++) {
        // One of these and no other outcome, whoever was faster.
        assert(ensure(sandbox, "/place/inside") == 0 || sandbox->report.error == EEXIST ||
               sandbox->report.error == ENOENT || sandbox->report.error == EAGAIN);
    }
    racing = false;
    pthread_join(racer, NULL);
    expect_canary_untouched();
}

// Somebody is faster still: what was made is a link when it is opened.
static void what_was_just_made_is_not_replaced(struct sandbox *sandbox) {
    replace_with_link = true;
    expect_failure(sandbox, ensure(sandbox, "/made"), ELOOP, "open directory /made");
    expect_failure(sandbox, ensure(sandbox, "/other/made"), ELOOP, "open directory /other");
    expect_canary_untouched();
}

int main(void) {
    IN_CHILD(missing_directories_are_made);
    IN_CHILD(a_directory_has_the_mode_asked_for_or_keeps_its_own);
    IN_CHILD(links_out_of_the_root_stay_in_it);
    IN_CHILD(links_to_nothing_are_refused);
    IN_CHILD(magic_links_are_refused);
    IN_CHILD(a_link_is_refused_where_none_may_be);
    IN_CHILD(names_that_are_none_are_refused);
    IN_CHILD(an_overlong_path_is_refused);
    IN_CHILD(files_are_made_new);
    IN_CHILD(an_existing_file_is_only_opened);
    IN_CHILD(a_file_in_the_way_of_a_directory_is_named);
    IN_CHILD(nodes_and_links_are_made_as_asked);
    IN_CHILD(a_sysctl_is_written_without_following_links);
    IN_CHILD(a_race_for_the_path_is_never_won);
    IN_CHILD(what_was_just_made_is_not_replaced);
    return 0;
}
