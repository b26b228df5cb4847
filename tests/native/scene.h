// A process of its own for each test, in a mount namespace of its own, with an empty directory as
// the container's root and a canary beside it. Without root a user namespace gives the rights.
#pragma once

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox.h"

// What the tests stand on: an empty tmpfs with the root and the canary in it.
#define STAGE "/tmp"
#define ROOT STAGE "/root"
#define CANARY STAGE "/canary"

static inline void must(bool holds, const char *what) {
    if (holds) return;
    perror(what);
    abort();
}

#define MUST(call) must((call) >= 0, #call)

static inline void write_text(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    MUST(fd);
    MUST(write(fd, text, strlen(text)));
    close(fd);
}

// Rights without being root: in a user namespace in which we are.
static inline void become_root(void) {
    char users[32], groups[32];
    snprintf(users, sizeof users, "0 %u 1", geteuid());
    snprintf(groups, sizeof groups, "0 %u 1", getegid());
    MUST(unshare(CLONE_NEWUSER));
    write_text("/proc/self/uid_map", users);
    write_text("/proc/self/setgroups", "deny");
    write_text("/proc/self/gid_map", groups);
}

static inline void set_scene(struct sandbox *sandbox) {
    if (geteuid() != 0) become_root();
    MUST(unshare(CLONE_NEWNS));
    *sandbox = (struct sandbox){.root = -1, .blank = -1, .report = {.step = REPORT_NO_STEP}};
    umask(0);
    MUST(rootfs_private_mounts(sandbox));
    MUST(mount("tmpfs", STAGE, "tmpfs", 0, "mode=755"));
    MUST(mkdir(ROOT, 0755));
    MUST(mkdir(CANARY, 0755));
    sandbox->root = open(ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
    MUST(sandbox->root);
}

// Runs one test in a process of its own; it passes if it returns.
static inline void in_child(void (*test)(struct sandbox *), const char *name) {
    pid_t pid = fork();
    MUST(pid);
    if (pid == 0) {
        struct sandbox sandbox;
        set_scene(&sandbox);
        test(&sandbox);
        fflush(NULL);
        _exit(0);
    }
    int status;
    MUST(waitpid(pid, &status, 0));
    if (status != 0) {
        fprintf(stderr, "%s failed (status %#x)\n", name, (unsigned)status);
        exit(1);
    }
}

#define IN_CHILD(test) in_child(test, #test)

// That a call failed with this errno and says so in these words.
static inline void expect_failure(const struct sandbox *sandbox, int result, int error,
                                  const char *detail) {
    if (result != -1 || sandbox->report.error != error ||
        strcmp(sandbox->report.detail, detail) != 0) {
        fprintf(stderr, "wanted %s (%s), got %d: %s (%s)\n", detail, strerror(error), result,
                sandbox->report.detail, strerror(sandbox->report.error));
        abort();
    }
}

static inline unsigned mode_of(const char *path) {
    struct stat status;
    MUST(lstat(path, &status));
    return status.st_mode;
}

static inline bool exists(const char *path) {
    return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static inline void expect_text(const char *path, const char *text) {
    char found[256] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    MUST(fd);
    MUST(read(fd, found, sizeof found - 1));
    close(fd);
    assert(strcmp(found, text) == 0);
}

// Nothing was made, changed or mounted outside of the root.
static inline void expect_canary_untouched(void) {
    MUST(rmdir(CANARY));
    MUST(mkdir(CANARY, 0755));
}
