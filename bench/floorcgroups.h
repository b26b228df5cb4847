// The control groups of bench/floor.c, and what becomes of a step that fails.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

// Written by the child too, as it shares our memory.
static const char *failed;
static int failed_errno;

static bool fail(const char *what) {
    if (failed == NULL) {
        failed = what;
        failed_errno = errno;
    }
    return false;
}

static bool check(long result, const char *what) { return result >= 0 || fail(what); }

static void die(const char *what) {
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

struct hierarchy {
    const char *controller;  // NULL: the v2 hierarchy
    char path[128];          // our group in it
    int fd;                  // v1: its `tasks`, open for writing; v2: the directory
};
static struct hierarchy hierarchies[4];
static size_t hierarchy_count;

static void add_hierarchy(const char *controller, const char *mount_point) {
    struct hierarchy *group = &hierarchies[hierarchy_count++];
    group->controller = controller;
    group->fd = -1;
    snprintf(group->path, sizeof group->path, "%s/pocker-floor-%d", mount_point, getpid());
}

static void find_hierarchies(bool devices, bool unified) {
    struct statfs status;
    if (statfs("/sys/fs/cgroup", &status) < 0) die("/sys/fs/cgroup");
    if (status.f_type == CGROUP2_SUPER_MAGIC) {
        add_hierarchy(NULL, "/sys/fs/cgroup");
        return;
    }
    add_hierarchy("memory", "/sys/fs/cgroup/memory");
    add_hierarchy("pids", "/sys/fs/cgroup/pids");
    if (devices) add_hierarchy("devices", "/sys/fs/cgroup/devices");
    if (unified) add_hierarchy(NULL, "/sys/fs/cgroup/unified");
}

static bool write_setting(const struct hierarchy *group, const char *name, const char *value) {
    char path[192];
    snprintf(path, sizeof path, "%s/%s", group->path, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return fail(name);
    bool written = check(write(fd, value, strlen(value)), name);
    close(fd);
    return written;
}

static bool limit_devices(const struct hierarchy *group) {
    static const char *const allowed[] = {"c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm",
                                          "c 1:9 rwm", "c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm"};
    bool written = write_setting(group, "devices.deny", "a");
    for (size_t i = 0; i < COUNT(allowed) && written; i++) {
        written = write_setting(group, "devices.allow", allowed[i]);
    }
    return written;
}

static bool limit(const struct hierarchy *group) {
    if (group->controller == NULL) {
        return hierarchy_count > 1 ||  // on a hybrid machine the limits are on v1
               (write_setting(group, "memory.max", "67108864") &&
                write_setting(group, "pids.max", "2048"));
    }
    if (strcmp(group->controller, "devices") == 0) return limit_devices(group);
    if (strcmp(group->controller, "pids") == 0) return write_setting(group, "pids.max", "2048");
    return write_setting(group, "memory.limit_in_bytes", "67108864");
}

static bool make_cgroups(void) {
    for (size_t i = 0; i < hierarchy_count; i++) {
        struct hierarchy *group = &hierarchies[i];
        if (!check(mkdir(group->path, 0755), "make cgroup") || !limit(group)) return false;
        char path[192];
        snprintf(path, sizeof path, "%s%s", group->path, group->controller ? "/tasks" : "");
        group->fd = open(path, (group->controller ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
        if (!check(group->fd, "open cgroup")) return false;
    }
    return true;
}

// `0` is the writer itself, and `tasks` moves one thread without the lock of every fork and exit.
static bool join_cgroups(void) {
    for (size_t i = 0; i < hierarchy_count; i++) {
        if (hierarchies[i].controller && write(hierarchies[i].fd, "0", 1) < 0) {
            return fail("join cgroup");
        }
    }
    // Only now: the root of the namespace is the group that its maker is in.
    return check(unshare(CLONE_NEWCGROUP), "unshare cgroup namespace");
}

static void remove_cgroups(void) {
    for (size_t i = 0; i < hierarchy_count; i++) {
        if (hierarchies[i].fd >= 0) close(hierarchies[i].fd);
        hierarchies[i].fd = -1;
        if (rmdir(hierarchies[i].path) < 0 && errno != ENOENT) fail("remove cgroup");
    }
}
