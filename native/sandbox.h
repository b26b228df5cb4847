// What the steps of a plan work on, and the functions that carry them out. Each returns 0, or -1
// with the sandbox's report filled.
#pragma once

#include <stdbool.h>

#include "plan.h"
#include "relay.h"
#include "report.h"

enum { FOLLOWED_MAX = 32 };

// A copy of a mount of the host that mounts made there later reach, until it is attached.
struct followed {
    const char *source;
    int tree;
};

struct sandbox {
    int root;   // the container's root directory, once a root step or `join` has run; else -1
    int blank;  // a read-only empty tmpfs that masks directories, once one was needed; else -1
    struct followed followed[FOLLOWED_MAX];
    int followed_count;
    struct relay relay;
    struct report report;
};

// rootfs.c
// Before `rootfs_private_mounts`: from then on nothing of the host's is followed any more.
int rootfs_follow(struct sandbox *sandbox, const char *source, unsigned attributes);
int rootfs_private_mounts(struct sandbox *sandbox);
int rootfs_bind_root(struct sandbox *sandbox, const char *source, const char *mountpoint);
int rootfs_mount_root(struct sandbox *sandbox, const char *type, const char *options,
                      const char *mountpoint);
// Makes what is mounted at `mountpoint` the root.
int rootfs_adopt(struct sandbox *sandbox, const char *mountpoint);
int rootfs_mount(struct sandbox *sandbox, const struct plan_step *step);
int rootfs_bind(struct sandbox *sandbox, const char *source, unsigned attributes,
                const char *target);
int rootfs_bind_followed(struct sandbox *sandbox, const char *source, unsigned attributes,
                         const char *target);
int rootfs_mask(struct sandbox *sandbox, const struct plan_value *paths);
int rootfs_read_only(struct sandbox *sandbox, const struct plan_value *paths);
int rootfs_read_only_root(struct sandbox *sandbox);
int rootfs_pivot(struct sandbox *sandbox);

// files.c: resolution and creation of paths inside the root. A path is always resolved by the
// kernel with RESOLVE_IN_ROOT, so no symbolic link of an image can lead out of it.
int files_open(struct sandbox *sandbox, const char *path, int flags, uint64_t resolve);
int files_ensure_directory(struct sandbox *sandbox, const char *path, uint64_t resolve);
int files_mkdir(struct sandbox *sandbox, const char *path, unsigned mode);
int files_ensure_file(struct sandbox *sandbox, const char *path);
int files_symlink(struct sandbox *sandbox, const char *path, const char *target);
int files_mknod(struct sandbox *sandbox, const struct plan_step *step);
int files_write(struct sandbox *sandbox, const struct plan_step *step);
int files_sysctl(struct sandbox *sandbox, const char *path, const char *value);

// terminal.c
int terminal_make(struct sandbox *sandbox, const struct plan_step *step);
int terminal_control(struct sandbox *sandbox);

// privileges.c
int privileges_rlimit(struct sandbox *sandbox, const struct plan_step *step);
int privileges_bounding_set(struct sandbox *sandbox, uint64_t mask);
int privileges_groups(struct sandbox *sandbox, const struct plan_value *groups);
int privileges_ids(struct sandbox *sandbox, unsigned uid, unsigned gid);
int privileges_capabilities(struct sandbox *sandbox, uint64_t mask);
int privileges_no_new(struct sandbox *sandbox);
int privileges_seccomp(struct sandbox *sandbox, const struct plan_value *program);

// execute.c
int execute_step(struct sandbox *sandbox, const struct plan_step *step);
