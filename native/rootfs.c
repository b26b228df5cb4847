#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "sandbox.h"
#include "syscalls.h"

int rootfs_private_mounts(struct sandbox *sandbox) {
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        return report_fail(&sandbox->report, "make all mounts private");
    }
    return 0;
}

// Adds attributes to the mount behind `fd`, and with AT_RECURSIVE to all mounts below it.
static int set_attributes(int fd, unsigned attributes, unsigned flags) {
    if (attributes == 0) return 0;
    struct k_mount_attr attr = {.attr_set = attributes};
    if (k_mount_setattr(fd, AT_EMPTY_PATH | flags, &attr) == 0) return 0;
    if (errno != ENOSYS) return -1;

    // Before Linux 5.12. The two sets of flags have the same values for the attributes in use, and
    // the remount reaches the mount itself only.
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | attributes, NULL);
}

static int adopt_root(struct sandbox *sandbox, const char *mountpoint) {
    sandbox->root = open(mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (sandbox->root < 0) return report_fail(&sandbox->report, "open %s", mountpoint);
    return 0;
}

int rootfs_bind_root(struct sandbox *sandbox, const char *source, const char *mountpoint) {
    if (mount(source, mountpoint, NULL, MS_BIND | MS_REC, NULL) < 0) {
        return report_fail(&sandbox->report, "bind %s", source);
    }
    return adopt_root(sandbox, mountpoint);
}

// mount(2) and not fsconfig(2): the latter takes at most 255 bytes for a value, too few for the
// lower directories of an overlay.
int rootfs_mount_root(struct sandbox *sandbox, const char *type, const char *options,
                      const char *mountpoint) {
    if (mount(type, mountpoint, type, 0, options) < 0) {
        return report_fail(&sandbox->report, "mount %s (%s)", type, options);
    }
    return adopt_root(sandbox, mountpoint);
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
    uint64_t resolve = step->values[3].number != 0 ? 0 : K_RESOLVE_NO_SYMLINKS;
    AUTO_CLOSE int made = make_mount(sandbox, type, &step->values[1],
                                     (unsigned)step->values[2].number);
    if (made < 0) return -1;
    AUTO_CLOSE int place = files_ensure_directory(sandbox, target, resolve);
    if (place < 0) return -1;
    if (k_move_mount(made, place) < 0) {
        return report_fail(&sandbox->report, "attach %s at %s", type, target);
    }
    return 0;
}

int rootfs_bind(struct sandbox *sandbox, const char *source, unsigned attributes,
                const char *target) {
    AUTO_CLOSE int tree = k_open_tree(AT_FDCWD, source,
                                      K_OPEN_TREE_CLONE | K_OPEN_TREE_CLOEXEC | K_AT_RECURSIVE);
    if (tree < 0) return report_fail(&sandbox->report, "open %s", source);
    if (set_attributes(tree, attributes, K_AT_RECURSIVE) < 0) {
        return report_fail(&sandbox->report, "set mount attributes of %s", source);
    }
    struct stat status;
    if (fstat(tree, &status) < 0) return report_fail(&sandbox->report, "stat %s", source);
    AUTO_CLOSE int place = S_ISDIR(status.st_mode)
                               ? files_ensure_directory(sandbox, target, 0)
                               : files_ensure_file(sandbox, target);
    if (place < 0) return -1;
    if (k_move_mount(tree, place) < 0) {
        return report_fail(&sandbox->report, "attach %s at %s", source, target);
    }
    return 0;
}

// A mount that hides a directory: the same empty read-only tmpfs for all of them.
static int blank_directory(struct sandbox *sandbox) {
    if (sandbox->blank >= 0) {
        return k_open_tree(sandbox->blank, "",
                           K_OPEN_TREE_CLONE | K_OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    }
    struct plan_value none = {0};
    int made = make_mount(sandbox, "tmpfs", &none,
                          K_MOUNT_ATTR_RDONLY | K_MOUNT_ATTR_NOSUID | K_MOUNT_ATTR_NODEV |
                              K_MOUNT_ATTR_NOEXEC);
    if (made >= 0) sandbox->blank = fcntl(made, F_DUPFD_CLOEXEC, 0);
    return made;
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
        AUTO_CLOSE int null = files_open(sandbox, "/dev/null", O_PATH, K_RESOLVE_NO_SYMLINKS);
        if (null < 0) return report_fail(&sandbox->report, "open /dev/null");
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
    AUTO_CLOSE int tree = k_open_tree(
        place, "", K_OPEN_TREE_CLONE | K_OPEN_TREE_CLOEXEC | K_AT_RECURSIVE | AT_EMPTY_PATH);
    if (tree < 0 || set_attributes(tree, K_MOUNT_ATTR_RDONLY, K_AT_RECURSIVE) < 0 ||
        k_move_mount(tree, place) < 0) {
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
    if (set_attributes(sandbox->root, K_MOUNT_ATTR_RDONLY, 0) < 0) {
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
