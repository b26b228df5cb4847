#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "sandbox.h"
#include "syscalls.h"

int rootfs_private_mounts(struct sandbox *sandbox) {
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        return report_fail(&sandbox->report, "make all mounts private");
    }
    return 0;
}

// Before Linux 5.12.
static bool lacks_mount_setattr(void) {
    struct k_mount_attr none = {0};
    return k_mount_setattr(-1, 0, &none) < 0 && errno == ENOSYS;
}

// Adds attributes to an attached mount without mount_setattr(2). A remount takes away what it does
// not name; all three sets of flags have the same values for the attributes in use.
static int remount(int fd, unsigned attributes) {
    struct statvfs status;
    if (fstatvfs(fd, &status) < 0) return -1;
    unsigned long kept = status.f_flag & (ST_RDONLY | ST_NOSUID | ST_NODEV | ST_NOEXEC);
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | kept | attributes, NULL);
}

// Copies the mount that `path` leads to from `start`, with all mounts below it. A remount reaches
// one mount only: where that is all there is, those below are left out rather than left as they
// are.
static int copy_tree(int start, const char *path, unsigned flags, unsigned attributes) {
    flags |= K_OPEN_TREE_CLONE | K_OPEN_TREE_CLOEXEC;
    if (attributes == 0 || !lacks_mount_setattr()) flags |= K_AT_RECURSIVE;
    return k_open_tree(start, path, flags);
}

// Gives a copied tree its attributes and attaches it: in this order, so that nobody sees it
// without them, but for old kernels, where only an attached mount can be changed.
static int attach_tree(int tree, unsigned attributes, int place) {
    struct k_mount_attr attr = {.attr_set = attributes};
    bool late = attributes != 0 && lacks_mount_setattr();
    if (attributes != 0 && !late &&
        k_mount_setattr(tree, AT_EMPTY_PATH | K_AT_RECURSIVE, &attr) < 0) {
        return -1;
    }
    if (k_move_mount(tree, place) < 0) return -1;
    return late ? remount(tree, attributes) : 0;
}

// A link of the image may lead a mount anywhere inside the root, but not over the kernel's own
// files: what is written to those has to reach the kernel, and what is masked has to stay so.
static int check_place(struct sandbox *sandbox, int place, const char *target) {
    struct statfs status;
    if (fstatfs(place, &status) < 0) return report_fail(&sandbox->report, "stat %s", target);
    switch (status.f_type) {
        case PROC_SUPER_MAGIC:
        case SYSFS_MAGIC:
        case CGROUP_SUPER_MAGIC:
        case CGROUP2_SUPER_MAGIC:
            errno = EPERM;
            return report_fail(&sandbox->report, "%s leads into a file system of the kernel",
                               target);
        default:
            return 0;
    }
}

int rootfs_follow(struct sandbox *sandbox, const char *source, unsigned attributes) {
    if (sandbox->followed_count == FOLLOWED_MAX) {
        errno = E2BIG;
        return report_fail(&sandbox->report, "follow %s as one more than %d mounts", source,
                           FOLLOWED_MAX);
    }
    // A copy of what follows the host follows it as well, and nothing from here reaches the host.
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) {
        return report_fail(&sandbox->report, "let all mounts follow the host");
    }
    int tree = copy_tree(AT_FDCWD, source, 0, attributes);
    if (tree < 0) return report_fail(&sandbox->report, "open %s", source);
    sandbox->followed[sandbox->followed_count++] =
        (struct followed){.source = source, .tree = tree};
    return 0;
}

int rootfs_adopt(struct sandbox *sandbox, const char *mountpoint) {
    sandbox->root = open(mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (sandbox->root < 0) return report_fail(&sandbox->report, "open %s", mountpoint);
    return 0;
}

int rootfs_bind_root(struct sandbox *sandbox, const char *source, const char *mountpoint) {
    if (mount(source, mountpoint, NULL, MS_BIND | MS_REC, NULL) < 0) {
        return report_fail(&sandbox->report, "bind %s", source);
    }
    return rootfs_adopt(sandbox, mountpoint);
}

int rootfs_mount_root(struct sandbox *sandbox, const char *type, const char *options,
                      const char *mountpoint) {
    // The kernel would cut longer options at the end of a page and mount something else.
    if (strlen(options) >= (size_t)sysconf(_SC_PAGESIZE)) {
        errno = E2BIG;
        return report_fail(&sandbox->report, "mount %s: %zu bytes of options", type,
                           strlen(options));
    }
    if (mount(type, mountpoint, type, 0, options) < 0) {
        return report_fail(&sandbox->report, "mount %s (%s)", type, options);
    }
    return rootfs_adopt(sandbox, mountpoint);
}

static int configure(int fd, const char *option) {
    char key[64];
    const char *equals = strchr(option, '=');
    if (equals == NULL) return k_fsconfig(fd, K_FSCONFIG_SET_FLAG, option, NULL);
    size_t length = (size_t)(equals - option);
    if (length >= sizeof key) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(key, option, length);
    key[length] = '\0';
    return k_fsconfig(fd, K_FSCONFIG_SET_STRING, key, equals + 1);
}

// Makes a mount that is nowhere attached yet; returns its descriptor.
static int make_mount(struct sandbox *sandbox, const char *type, const struct plan_value *options,
                      unsigned attributes) {
    AUTO_CLOSE int context = k_fsopen(type);
    if (context < 0) return report_fail(&sandbox->report, "open file system %s", type);
    // What /proc/mounts shows as the device.
    if (k_fsconfig(context, K_FSCONFIG_SET_STRING, "source", type) < 0) {
        return report_fail(&sandbox->report, "option source of %s", type);
    }
    const char *option = options->data;
    for (uint32_t i = 0; i < options->count; i++, option = plan_next_string(option)) {
        if (configure(context, option) < 0) {
            return report_fail(&sandbox->report, "option %s of %s", option, type);
        }
    }
    if (k_fsconfig(context, K_FSCONFIG_CMD_CREATE, NULL, NULL) < 0) {
        return report_fail(&sandbox->report, "create file system %s", type);
    }
    int fd = k_fsmount(context, attributes);
    return fd >= 0 ? fd : report_fail(&sandbox->report, "mount file system %s", type);
}

int rootfs_mount(struct sandbox *sandbox, const struct plan_step *step) {
    const char *type = step->values[0].data;
    const char *target = step->values[4].data;
    // /proc, /sys and /dev as a link in a hostile image would put our mounts elsewhere in it.
    bool follow = step->values[3].number != 0;
    uint64_t resolve = follow ? 0 : K_RESOLVE_NO_SYMLINKS;
    AUTO_CLOSE int made =
        make_mount(sandbox, type, &step->values[1], (unsigned)step->values[2].number);
    if (made < 0) return -1;
    AUTO_CLOSE int place = files_ensure_directory(sandbox, target, resolve);
    if (place < 0 || (follow && check_place(sandbox, place, target) < 0)) return -1;
    if (k_move_mount(made, place) < 0) {
        return report_fail(&sandbox->report, "attach %s at %s", type, target);
    }
    return 0;
}

static int bind_tree(struct sandbox *sandbox, int tree, const char *source, unsigned attributes,
                     const char *target) {
    struct stat status;
    if (fstat(tree, &status) < 0) return report_fail(&sandbox->report, "stat %s", source);
    AUTO_CLOSE int place = S_ISDIR(status.st_mode) ? files_ensure_directory(sandbox, target, 0)
                                                   : files_ensure_file(sandbox, target);
    if (place < 0 || check_place(sandbox, place, target) < 0) return -1;
    if (attach_tree(tree, attributes, place) < 0) {
        return report_fail(&sandbox->report, "attach %s at %s", source, target);
    }
    return 0;
}

int rootfs_bind(struct sandbox *sandbox, const char *source, unsigned attributes,
                const char *target) {
    AUTO_CLOSE int tree = copy_tree(AT_FDCWD, source, 0, attributes);
    if (tree < 0) return report_fail(&sandbox->report, "open %s", source);
    return bind_tree(sandbox, tree, source, attributes, target);
}

int rootfs_bind_followed(struct sandbox *sandbox, const char *source, unsigned attributes,
                         const char *target) {
    for (int i = 0; i < sandbox->followed_count; i++) {
        struct followed *followed = &sandbox->followed[i];
        if (followed->tree < 0 || strcmp(followed->source, source) != 0) continue;
        AUTO_CLOSE int tree = followed->tree;
        followed->tree = -1;
        return bind_tree(sandbox, tree, source, attributes, target);
    }
    errno = ENOENT;
    return report_fail(&sandbox->report, "attach %s, which is not followed", source);
}

// A mount that hides a directory: the same empty read-only tmpfs for all of them.
static int blank_directory(struct sandbox *sandbox) {
    if (sandbox->blank >= 0) {
        return k_open_tree(sandbox->blank, "",
                           K_OPEN_TREE_CLONE | K_OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    }
    struct plan_value none = {0};
    int made = make_mount(
        sandbox, "tmpfs", &none,
        K_MOUNT_ATTR_RDONLY | K_MOUNT_ATTR_NOSUID | K_MOUNT_ATTR_NODEV | K_MOUNT_ATTR_NOEXEC);
    if (made >= 0) sandbox->blank = fcntl(made, F_DUPFD_CLOEXEC, 0);
    return made;
}

// The container's own null device, and nothing that a volume put in its place.
static int open_null(struct sandbox *sandbox) {
    AUTO_CLOSE int null = files_open(sandbox, "/dev/null", O_PATH, K_RESOLVE_NO_SYMLINKS);
    struct stat status;
    if (null < 0 || fstat(null, &status) < 0) {
        return report_fail(&sandbox->report, "open /dev/null");
    }
    if (!S_ISCHR(status.st_mode) || status.st_rdev != makedev(1, 3)) {
        errno = ENODEV;
        return report_fail(&sandbox->report, "/dev/null is not the null device");
    }
    return steal_fd(&null);
}

static int mask_one(struct sandbox *sandbox, const char *path) {
    AUTO_CLOSE int place = files_open(sandbox, path, O_PATH, K_RESOLVE_NO_SYMLINKS);
    if (place < 0) {
        return errno == ENOENT ? 0 : report_fail(&sandbox->report, "open %s", path);
    }
    struct stat status;
    if (fstat(place, &status) < 0) return report_fail(&sandbox->report, "stat %s", path);
    AUTO_CLOSE int cover = -1;
    if (S_ISDIR(status.st_mode)) {
        cover = blank_directory(sandbox);
    } else {
        AUTO_CLOSE int null = open_null(sandbox);
        if (null < 0) return -1;
        cover = k_open_tree(null, "", K_OPEN_TREE_CLONE | K_OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    }
    if (cover < 0 || k_move_mount(cover, place) < 0) {
        return report_fail(&sandbox->report, "mask %s", path);
    }
    return 0;
}

int rootfs_mask(struct sandbox *sandbox, const struct plan_value *paths) {
    const char *path = paths->data;
    for (uint32_t i = 0; i < paths->count; i++, path = plan_next_string(path)) {
        if (mask_one(sandbox, path) < 0) return -1;
    }
    return 0;
}

static int read_only_one(struct sandbox *sandbox, const char *path) {
    AUTO_CLOSE int place = files_open(sandbox, path, O_PATH, K_RESOLVE_NO_SYMLINKS);
    if (place < 0) {
        return errno == ENOENT ? 0 : report_fail(&sandbox->report, "open %s", path);
    }
    // A mount is changed where it is; of a place inside one (EINVAL), a mount is made first.
    struct k_mount_attr attr = {.attr_set = K_MOUNT_ATTR_RDONLY};
    if (k_mount_setattr(place, AT_EMPTY_PATH | K_AT_RECURSIVE, &attr) == 0) return 0;
    AUTO_CLOSE int tree = copy_tree(place, "", AT_EMPTY_PATH, K_MOUNT_ATTR_RDONLY);
    if (tree < 0 || attach_tree(tree, K_MOUNT_ATTR_RDONLY, place) < 0) {
        return report_fail(&sandbox->report, "make %s read-only", path);
    }
    return 0;
}

int rootfs_read_only(struct sandbox *sandbox, const struct plan_value *paths) {
    const char *path = paths->data;
    for (uint32_t i = 0; i < paths->count; i++, path = plan_next_string(path)) {
        if (read_only_one(sandbox, path) < 0) return -1;
    }
    return 0;
}

int rootfs_read_only_root(struct sandbox *sandbox) {
    // What is mounted in it stays as it is; nothing that a remount could not do as well.
    if (remount(sandbox->root, K_MOUNT_ATTR_RDONLY) < 0) {
        return report_fail(&sandbox->report, "make the root read-only");
    }
    return 0;
}

// pivot_root(".", "."): the old root is stacked on the new one, so no directory for it is needed.
int rootfs_pivot(struct sandbox *sandbox) {
    if (fchdir(sandbox->root) < 0) return report_fail(&sandbox->report, "enter the new root");
    if (syscall(SYS_pivot_root, ".", ".") < 0) return report_fail(&sandbox->report, "pivot_root");
    if (umount2(".", MNT_DETACH) < 0) return report_fail(&sandbox->report, "detach the old root");
    if (chdir("/") < 0) return report_fail(&sandbox->report, "enter the new root");
    return 0;
}
