// sources: native/rootfs.c native/files.c native/plan.c native/report.c
//
// Mounts land where the plan says, inside the root, with the attributes asked for: also on a
// kernel without mount_setattr(2), which a filter plays that answers ENOSYS.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "scene.h"
#include "syscalls.h"

enum { SAFE = K_MOUNT_ATTR_NOSUID | K_MOUNT_ATTR_NODEV | K_MOUNT_ATTR_NOEXEC };

// A mount step; `options` is `count` strings one behind the other.
static int mount_at(struct sandbox *sandbox, const char *type, const char *options, uint32_t count,
                    unsigned attributes, bool follow, const char *target) {
    struct plan_step step = {.op = OP_MOUNT,
                             .values = {{.data = type},
                                        {.data = options, .count = count},
                                        {.number = attributes},
                                        {.number = follow},
                                        {.data = target}}};
    return rootfs_mount(sandbox, &step);
}

static int mask(struct sandbox *sandbox, const char *path) {
    struct plan_value paths = {.data = path, .size = (uint32_t)strlen(path) + 1, .count = 1};
    return rootfs_mask(sandbox, &paths);
}

static int read_only(struct sandbox *sandbox, const char *path) {
    struct plan_value paths = {.data = path, .size = (uint32_t)strlen(path) + 1, .count = 1};
    return rootfs_read_only(sandbox, &paths);
}

static void expect_errno(int result, int error) {
    if (result >= 0 || errno != error) fprintf(stderr, "got %s\n", strerror(errno));
    assert(result < 0 && errno == error);
}

static unsigned long flags_of(const char *path) {
    struct statvfs status;
    MUST(statvfs(path, &status));
    return status.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC);
}

static void without_mount_setattr(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NR_mount_setattr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
    expect_errno(k_mount_setattr(-1, 0, &(struct k_mount_attr){0}), ENOSYS);
}

// A source with a file, and with a mount below it.
static void make_source(void) {
    MUST(mkdir(STAGE "/source", 0755));
    MUST(mount("tmpfs", STAGE "/source", "tmpfs", MS_NOSUID, ""));
    write_text(STAGE "/source/file", "content");
    MUST(mkdir(STAGE "/source/below", 0755));
}

static void mount_below_the_source(void) {
    MUST(mount("tmpfs", STAGE "/source/below", "tmpfs", 0, ""));
    write_text(STAGE "/source/below/file", "deep");
}

static void a_directory_is_bound_with_all_below_it(struct sandbox *sandbox) {
    make_source();
    mount_below_the_source();
    assert(rootfs_bind(sandbox, STAGE "/source", 0, "/made/here") == 0);
    expect_text(ROOT "/made/here/file", "content");
    expect_text(ROOT "/made/here/below/file", "deep");
    write_text(ROOT "/made/here/file", "changed");
    expect_text(STAGE "/source/file", "changed");
}

static void a_read_only_bind_is_so_all_the_way_down(struct sandbox *sandbox) {
    make_source();
    mount_below_the_source();
    assert(rootfs_bind(sandbox, STAGE "/source", K_MOUNT_ATTR_RDONLY, "/data") == 0);
    expect_errno(open(ROOT "/data/new", O_CREAT | O_WRONLY, 0644), EROFS);
    expect_errno(open(ROOT "/data/file", O_WRONLY), EROFS);
    expect_errno(open(ROOT "/data/below/new", O_CREAT | O_WRONLY, 0644), EROFS);
    write_text(STAGE "/source/file", "the source itself is not");
    assert(flags_of(ROOT "/data") == (ST_RDONLY | ST_NOSUID));
}

static void a_read_only_bind_needs_no_mount_setattr(struct sandbox *sandbox) {
    make_source();
    without_mount_setattr();
    assert(rootfs_bind(sandbox, STAGE "/source", K_MOUNT_ATTR_RDONLY, "/data") == 0);
    expect_errno(open(ROOT "/data/new", O_CREAT | O_WRONLY, 0644), EROFS);
    expect_text(ROOT "/data/file", "content");
    assert(flags_of(ROOT "/data") == (ST_RDONLY | ST_NOSUID));
    write_text(STAGE "/source/file", "the source itself is not");
    assert(rootfs_bind(sandbox, STAGE "/source/file", K_MOUNT_ATTR_RDONLY | SAFE, "/file") == 0);
    assert(flags_of(ROOT "/file") == (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC));
}

// Where mounts below a source cannot be made read-only with it, they are not to be left writable.
static void nothing_below_stays_writable_without_mount_setattr(struct sandbox *sandbox) {
    make_source();
    mount_below_the_source();
    without_mount_setattr();
    if (rootfs_bind(sandbox, STAGE "/source", K_MOUNT_ATTR_RDONLY, "/data") == 0) {
        expect_errno(open(ROOT "/data/below/new", O_CREAT | O_WRONLY, 0644), EROFS);
    }
    write_text(STAGE "/source/below/file", "the source itself is not");
}

static void the_root_becomes_read_only(struct sandbox *sandbox) {
    assert(rootfs_bind_root(sandbox, CANARY, ROOT) == 0);
    MUST(mkdir(ROOT "/tmp", 0755));
    MUST(mount("tmpfs", ROOT "/tmp", "tmpfs", 0, ""));
    assert(rootfs_read_only_root(sandbox) == 0);
    expect_errno(open(ROOT "/new", O_CREAT | O_WRONLY, 0644), EROFS);
    write_text(ROOT "/tmp/new", "what is mounted in it stays as it is");
    write_text(CANARY "/new", "the directory itself is not");
}

static void the_root_becomes_read_only_without_mount_setattr(struct sandbox *sandbox) {
    without_mount_setattr();
    the_root_becomes_read_only(sandbox);
}

static void a_file_is_bound_over_a_file(struct sandbox *sandbox) {
    make_source();
    assert(rootfs_bind(sandbox, STAGE "/source/file", K_MOUNT_ATTR_RDONLY, "/etc/config") == 0);
    expect_text(ROOT "/etc/config", "content");
    expect_errno(open(ROOT "/etc/config", O_WRONLY), EROFS);
    MUST(mkdir(ROOT "/directory", 0755));
    expect_failure(sandbox, rootfs_bind(sandbox, STAGE "/source/file", 0, "/directory"), EISDIR,
                   "open file /directory");
    expect_failure(sandbox, rootfs_bind(sandbox, STAGE "/source", 0, "/etc/config"), ENOTDIR,
                   "open directory /etc/config");
    expect_failure(sandbox, rootfs_bind(sandbox, STAGE "/none", 0, "/x"), ENOENT,
                   "open " STAGE "/none");
    assert(!exists(ROOT "/x"));
}

static void what_is_followed_is_attached_once(struct sandbox *sandbox) {
    make_source();
    mount_below_the_source();
    assert(rootfs_follow(sandbox, STAGE "/source", K_MOUNT_ATTR_RDONLY) == 0);
    assert(rootfs_bind_followed(sandbox, STAGE "/source", K_MOUNT_ATTR_RDONLY, "/data") == 0);
    expect_text(ROOT "/data/below/file", "deep");
    expect_errno(open(ROOT "/data/file", O_WRONLY), EROFS);
    expect_failure(sandbox, rootfs_bind_followed(sandbox, STAGE "/source", 0, "/again"), ENOENT,
                   "attach " STAGE "/source, which is not followed");
    assert(!exists(ROOT "/again"));
    expect_failure(sandbox, rootfs_follow(sandbox, STAGE "/none", 0), ENOENT,
                   "open " STAGE "/none");
    while (sandbox->followed_count < FOLLOWED_MAX) MUST(rootfs_follow(sandbox, STAGE "/source", 0));
    expect_failure(sandbox, rootfs_follow(sandbox, STAGE "/source", 0), E2BIG,
                   "follow " STAGE "/source as one more than 32 mounts");
}

static void a_target_behind_a_link_stays_in_the_root(struct sandbox *sandbox) {
    make_source();
    MUST(mkdir(ROOT STAGE, 0755));
    MUST(mkdir(ROOT CANARY, 0755));
    MUST(symlink("/../../.." CANARY, ROOT "/link"));
    assert(rootfs_bind(sandbox, STAGE "/source", 0, "/link") == 0);
    expect_text(ROOT CANARY "/file", "content");
    assert(mount_at(sandbox, "tmpfs", NULL, 0, 0, true, "/link/below") == 0);
    expect_canary_untouched();
}

static void a_file_system_is_mounted_with_its_options(struct sandbox *sandbox) {
    assert(mount_at(sandbox, "tmpfs", "mode=700\0size=64k", 2, SAFE, false, "/dev/shm") == 0);
    assert(flags_of(ROOT "/dev/shm") == (ST_NOSUID | ST_NODEV | ST_NOEXEC));
    assert(mode_of(ROOT "/dev/shm") == (S_IFDIR | 0700));
    struct statvfs status;
    MUST(statvfs(ROOT "/dev/shm", &status));
    assert(status.f_blocks * status.f_frsize == 64 * 1024);
}

static void wrong_options_are_named(struct sandbox *sandbox) {
    char option[128];
    memset(option, 'k', sizeof option);
    memcpy(option + 100, "=v", 3);
    assert(mount_at(sandbox, "tmpfs", option, 1, 0, false, "/x") == -1);
    assert(sandbox->report.error == ENAMETOOLONG);
    expect_failure(sandbox, mount_at(sandbox, "tmpfs", "size=many", 1, 0, false, "/x"), EINVAL,
                   "option size=many of tmpfs");
    expect_failure(sandbox, mount_at(sandbox, "nonesuch", NULL, 0, 0, false, "/x"), ENODEV,
                   "open file system nonesuch");
    assert(!exists(ROOT "/x"));
}

static void kernel_file_systems_do_not_follow_links(struct sandbox *sandbox) {
    MUST(mkdir(ROOT "/elsewhere", 0755));
    MUST(symlink("/elsewhere", ROOT "/proc"));
    expect_failure(sandbox, mount_at(sandbox, "tmpfs", NULL, 0, 0, false, "/proc"), ELOOP,
                   "open directory /proc");
    assert(mount_at(sandbox, "tmpfs", NULL, 0, SAFE, true, "/proc") == 0);
    assert(flags_of(ROOT "/elsewhere") == (ST_NOSUID | ST_NODEV | ST_NOEXEC));
}

// A link of the image must not lead a volume to where the kernel's own files are.
static void nothing_is_mounted_over_the_kernels_files(struct sandbox *sandbox) {
    make_source();
    MUST(mkdir(ROOT "/proc", 0755));
    MUST(mount("/proc", ROOT "/proc", NULL, MS_BIND | MS_REC, NULL));
    MUST(mkdir(ROOT "/sys", 0755));
    MUST(mount("/sys", ROOT "/sys", NULL, MS_BIND | MS_REC, NULL));
    MUST(symlink("/proc/sys", ROOT "/data"));
    MUST(symlink("/proc/version", ROOT "/file"));
    MUST(symlink("/sys/kernel", ROOT "/more"));
    expect_failure(sandbox, rootfs_bind(sandbox, STAGE "/source", 0, "/data"), EPERM,
                   "/data leads into a file system of the kernel");
    expect_failure(sandbox, rootfs_bind(sandbox, STAGE "/source/file", 0, "/file"), EPERM,
                   "/file leads into a file system of the kernel");
    expect_failure(sandbox, mount_at(sandbox, "tmpfs", NULL, 0, 0, true, "/more"), EPERM,
                   "/more leads into a file system of the kernel");
    assert(exists(ROOT "/proc/sys/kernel") && exists(ROOT "/sys/kernel"));
}

static void make_null(void) {
    MUST(mkdir(ROOT "/dev", 0755));
    write_text(ROOT "/dev/null", "");
    MUST(mount("/dev/null", ROOT "/dev/null", NULL, MS_BIND, NULL));
}

static void masked_paths_are_empty(struct sandbox *sandbox) {
    make_null();
    write_text(ROOT "/secret", "secret");
    MUST(mkdir(ROOT "/one", 0755));
    write_text(ROOT "/one/secret", "secret");
    MUST(mkdir(ROOT "/two", 0755));
    write_text(ROOT "/two/secret", "secret");
    struct plan_value paths = {.data = "/one\0/missing\0/secret\0/two", .size = 27, .count = 4};
    assert(rootfs_mask(sandbox, &paths) == 0);
    expect_text(ROOT "/secret", "");
    assert(!exists(ROOT "/one/secret") && !exists(ROOT "/two/secret"));
    expect_errno(mkdir(ROOT "/one/new", 0755), EROFS);
    expect_errno(mkdir(ROOT "/two/new", 0755), EROFS);
    assert(!exists(ROOT "/missing"));
}

static void a_mask_follows_no_link(struct sandbox *sandbox) {
    make_null();
    MUST(mkdir(ROOT "/real", 0755));
    MUST(symlink("/real", ROOT "/acpi"));
    expect_failure(sandbox, mask(sandbox, "/acpi"), ELOOP, "open /acpi");
    expect_failure(sandbox, read_only(sandbox, "/acpi"), ELOOP, "open /acpi");
}

// What hides a file has to be the null device itself, not what an image or a volume put there.
static void a_false_null_device_hides_nothing(struct sandbox *sandbox) {
    write_text(ROOT "/secret", "secret");
    MUST(mkdir(ROOT "/dev", 0755));
    expect_failure(sandbox, mask(sandbox, "/secret"), ENOENT, "open /dev/null");
    write_text(ROOT "/dev/null", "forged");
    expect_failure(sandbox, mask(sandbox, "/secret"), ENODEV, "/dev/null is not the null device");
    expect_text(ROOT "/secret", "secret");
}

static void a_path_becomes_read_only(struct sandbox *sandbox) {
    MUST(mkdir(ROOT "/sys", 0755));
    write_text(ROOT "/sys/file", "as it was");
    write_text(ROOT "/trigger", "as it was");
    assert(read_only(sandbox, "/sys") == 0);
    assert(read_only(sandbox, "/trigger") == 0);
    assert(read_only(sandbox, "/missing") == 0);
    expect_errno(open(ROOT "/sys/file", O_WRONLY), EROFS);
    expect_errno(open(ROOT "/trigger", O_WRONLY), EROFS);
    expect_text(ROOT "/sys/file", "as it was");
    write_text(ROOT "/beside", "not read-only");
}

static void a_path_becomes_read_only_without_mount_setattr(struct sandbox *sandbox) {
    without_mount_setattr();
    a_path_becomes_read_only(sandbox);
}

static void overlong_options_of_the_root_are_refused(struct sandbox *sandbox) {
    static char options[8192];
    memset(options, 'x', sizeof options - 1);
    memcpy(options, "lowerdir=/", 10);
    assert(rootfs_mount_root(sandbox, "overlay", options, ROOT) == -1);
    assert(sandbox->report.error == E2BIG);
}

static void the_old_root_is_gone_after_the_pivot(struct sandbox *sandbox) {
    int proc = open("/proc", O_PATH | O_DIRECTORY);
    MUST(proc);
    MUST(mkdir(CANARY "/inside", 0755));
    assert(rootfs_bind_root(sandbox, CANARY, ROOT) == 0);
    assert(mount_at(sandbox, "tmpfs", NULL, 0, 0, false, "/inside") == 0);
    assert(rootfs_pivot(sandbox) == 0);
    assert(exists("/inside") && !exists(CANARY) && !exists("/../tmp"));
    char directory[16];
    assert(getcwd(directory, sizeof directory) != NULL && strcmp(directory, "/") == 0);
    // Opened only now: what is listed depends on the root of whoever opens it.
    int fd = openat(proc, "self/mountinfo", O_RDONLY);
    MUST(fd);
    char mounts[4096] = {0};
    MUST(read(fd, mounts, sizeof mounts - 1));
    char *second = strchr(mounts, '\n') + 1, *end = strchr(second, '\n') + 1;
    assert(strstr(second, " / /inside ") != NULL && *end == '\0');
}

static void no_mount_is_shared_with_the_host(struct sandbox *sandbox) {
    MUST(mount("tmpfs", CANARY, "tmpfs", 0, ""));
    MUST(mount(NULL, STAGE, NULL, MS_REC | MS_SHARED, NULL));
    assert(rootfs_private_mounts(sandbox) == 0);
    char line[1024];
    FILE *mounts = fopen("/proc/self/mountinfo", "r");
    assert(mounts != NULL);
    while (fgets(line, sizeof line, mounts) != NULL) assert(strstr(line, " shared:") == NULL);
    fclose(mounts);
}

int main(void) {
    IN_CHILD(no_mount_is_shared_with_the_host);
    IN_CHILD(a_directory_is_bound_with_all_below_it);
    IN_CHILD(a_read_only_bind_is_so_all_the_way_down);
    IN_CHILD(a_read_only_bind_needs_no_mount_setattr);
    IN_CHILD(nothing_below_stays_writable_without_mount_setattr);
    IN_CHILD(the_root_becomes_read_only);
    IN_CHILD(the_root_becomes_read_only_without_mount_setattr);
    IN_CHILD(a_file_is_bound_over_a_file);
    IN_CHILD(what_is_followed_is_attached_once);
    IN_CHILD(a_target_behind_a_link_stays_in_the_root);
    IN_CHILD(a_file_system_is_mounted_with_its_options);
    IN_CHILD(wrong_options_are_named);
    IN_CHILD(kernel_file_systems_do_not_follow_links);
    IN_CHILD(nothing_is_mounted_over_the_kernels_files);
    IN_CHILD(masked_paths_are_empty);
    IN_CHILD(a_mask_follows_no_link);
    IN_CHILD(a_false_null_device_hides_nothing);
    IN_CHILD(a_path_becomes_read_only);
    IN_CHILD(a_path_becomes_read_only_without_mount_setattr);
    IN_CHILD(overlong_options_of_the_root_are_refused);
    IN_CHILD(the_old_root_is_gone_after_the_pivot);
    return 0;
}
