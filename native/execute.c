// One step of a plan, from its decoded form to the function that carries it out.
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "init.h"
#include "overlay.h"
#include "sandbox.h"
#include "syscalls.h"

static int new_session(struct sandbox *sandbox) {
    if (setsid() < 0) return report_fail(&sandbox->report, "start a session");
    return 0;
}

// A kernel without keyrings has no keys to hide.
static int new_keyring(struct sandbox *sandbox) {
    if (syscall(SYS_keyctl, (long)KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS) {
        return report_fail(&sandbox->report, "join a new session keyring");
    }
    return 0;
}

// Not a clone3 flag: a cgroup namespace is rooted where its maker is when it makes it, and the
// v1 groups are joined only after clone3.
static int cgroup_namespace(struct sandbox *sandbox) {
    if (unshare(CLONE_NEWCGROUP) < 0) {
        return report_fail(&sandbox->report, "make a cgroup namespace");
    }
    return 0;
}

static int set_hostname(struct sandbox *sandbox, const struct plan_value *name) {
    if (sethostname(name->data, name->size) < 0) {
        return report_fail(&sandbox->report, "set the host name to %s", name->data);
    }
    return 0;
}

static int loopback_up(struct sandbox *sandbox) {
    AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0) {
        return report_fail(&sandbox->report, "bring the loopback interface up");
    }
    return 0;
}

// Into all namespaces of a running container, at once. That of processes is only for children.
static int join_container(struct sandbox *sandbox, int namespaces) {
    if (setns(INIT_HOLD, namespaces) < 0) {
        return report_fail(&sandbox->report, "join the namespaces of the container");
    }
    close(INIT_HOLD);
    sandbox->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (sandbox->root < 0) return report_fail(&sandbox->report, "open the container's root");
    return 0;
}

// The kernel's own answer is looked at afterwards: a directory that the root does not reach, as
// /proc/self/fd/N can name one, has a path that does not start with a slash.
static int change_directory(struct sandbox *sandbox, const char *path) {
    if (chdir(path) < 0) return report_fail(&sandbox->report, "enter working directory %s", path);
    char actual[4096];
    long length = syscall(SYS_getcwd, actual, sizeof actual);
    if (length < 0 || actual[0] != '/') {
        if (length >= 0) errno = EXDEV;
        return report_fail(&sandbox->report, "working directory %s is outside of the root", path);
    }
    return 0;
}

static int mount_overlay(struct sandbox *sandbox, const struct plan_value *value) {
    struct overlay overlay = {
        .lower = &value[0],
        .upper = value[1].data,
        .work = value[2].data,
        .is_volatile = (value[3].number & OVERLAY_VOLATILE) != 0,
        .user_xattrs = (value[3].number & OVERLAY_USER_XATTRS) != 0,
    };
    const char *mountpoint = value[4].data;
    if (overlay_mount(&overlay, mountpoint) < 0) {
        return report_fail(&sandbox->report, "mount overlay of %u layers, the topmost %s",
                           overlay.lower->count, overlay.lower->data);
    }
    return rootfs_adopt(sandbox, mountpoint);
}

int execute_step(struct sandbox *sandbox, const struct plan_step *step) {
    const struct plan_value *value = step->values;
    switch (step->op) {
        case OP_SESSION:
            return new_session(sandbox);
        case OP_KEYRING:
            return new_keyring(sandbox);
        case OP_FOLLOW:
            return rootfs_follow(sandbox, value[0].data, (unsigned)value[1].number);
        case OP_PRIVATE_MOUNTS:
            return rootfs_private_mounts(sandbox);
        case OP_CGROUP_NS:
            return cgroup_namespace(sandbox);
        case OP_HOSTNAME:
            return set_hostname(sandbox, &value[0]);
        case OP_LOOPBACK:
            return loopback_up(sandbox);
        case OP_JOIN:
            return join_container(sandbox, (int)value[0].number);
        case OP_ROOT_BIND:
            return rootfs_bind_root(sandbox, value[0].data, value[1].data);
        case OP_ROOT_MOUNT:
            return rootfs_mount_root(sandbox, value[0].data, value[1].data, value[2].data);
        case OP_ROOT_OVERLAY:
            return mount_overlay(sandbox, value);
        case OP_MOUNT:
            return rootfs_mount(sandbox, step);
        case OP_BIND:
            return rootfs_bind(sandbox, value[0].data, (unsigned)value[1].number, value[2].data);
        case OP_BIND_FOLLOWED:
            return rootfs_bind_followed(sandbox, value[0].data, (unsigned)value[1].number,
                                        value[2].data);
        case OP_MKDIR:
            return files_mkdir(sandbox, value[0].data, (unsigned)value[1].number);
        case OP_SYMLINK:
            return files_symlink(sandbox, value[0].data, value[1].data);
        case OP_MKNOD:
            return files_mknod(sandbox, step);
        case OP_FILE:
            return files_write(sandbox, step);
        case OP_SYSCTL:
            return files_sysctl(sandbox, value[0].data, value[1].data);
        case OP_TERMINAL:
            return terminal_make(sandbox, step);
        case OP_FOREGROUND:
            return terminal_control(sandbox);
        case OP_MASK:
            return rootfs_mask(sandbox, &value[0]);
        case OP_READ_ONLY:
            return rootfs_read_only(sandbox, &value[0]);
        case OP_READ_ONLY_ROOT:
            return rootfs_read_only_root(sandbox);
        case OP_PIVOT:
            return rootfs_pivot(sandbox);
        case OP_RLIMIT:
            return privileges_rlimit(sandbox, step);
        case OP_UMASK:
            umask((mode_t)value[0].number);
            return 0;
        case OP_SECCOMP:
            return privileges_seccomp(sandbox, &value[0]);
        case OP_BOUNDING_SET:
            return privileges_bounding_set(sandbox, value[0].number);
        case OP_GROUPS:
            return privileges_groups(sandbox, &value[0]);
        case OP_IDS:
            return privileges_ids(sandbox, (unsigned)value[0].number, (unsigned)value[1].number);
        case OP_CAPABILITIES:
            return privileges_capabilities(sandbox, value[0].number);
        case OP_NO_NEW_PRIVS:
            return privileges_no_new(sandbox);
        case OP_CHDIR:
            return change_directory(sandbox, value[0].data);
        case OP_INIT:
        case OP_PROCESS:
        case OP_EXEC:
        case OP_COUNT:
            break;
    }
    errno = EBADMSG;
    return report_fail(&sandbox->report, "plan: step out of place");
}
