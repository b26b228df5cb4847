// Every kernel constant, structure and system call that the C library at hand may lack, in one
// place. Numbers from 424 on are the same on every architecture (x86_64, aarch64).
// Sources: the man pages named at each call; include/uapi/linux/{mount,openat2,sched}.h.
#pragma once

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#if !defined(__x86_64__) && !defined(__aarch64__)
#error "only x86_64 and aarch64 are supported"
#endif

enum {
    NR_open_tree = 428,
    NR_move_mount = 429,
    NR_fsopen = 430,
    NR_fsconfig = 431,
    NR_fsmount = 432,
    NR_pidfd_open = 434,
    NR_clone3 = 435,
    NR_close_range = 436,
    NR_openat2 = 437,
    NR_mount_setattr = 442,
};

// open_tree(2), move_mount(2), fsopen(2), fsconfig(2), fsmount(2), mount_setattr(2)
enum {
    K_OPEN_TREE_CLONE = 1,
    K_OPEN_TREE_CLOEXEC = 02000000,
    K_AT_RECURSIVE = 0x8000,
    K_MOVE_MOUNT_F_EMPTY_PATH = 0x4,
    K_MOVE_MOUNT_T_EMPTY_PATH = 0x40,
    K_FSOPEN_CLOEXEC = 1,
    K_FSMOUNT_CLOEXEC = 1,
    K_FSCONFIG_SET_FLAG = 0,
    K_FSCONFIG_SET_STRING = 1,
    K_FSCONFIG_CMD_CREATE = 6,
    K_MOUNT_ATTR_RDONLY = 0x1,
    K_MOUNT_ATTR_NOSUID = 0x2,
    K_MOUNT_ATTR_NODEV = 0x4,
    K_MOUNT_ATTR_NOEXEC = 0x8,
};

struct k_mount_attr {
    uint64_t attr_set;
    uint64_t attr_clr;
    uint64_t propagation;
    uint64_t userns_fd;
};

// openat2(2)
enum {
    K_RESOLVE_NO_MAGICLINKS = 0x02,
    K_RESOLVE_NO_SYMLINKS = 0x04,
    K_RESOLVE_IN_ROOT = 0x10,
};

struct k_open_how {
    uint64_t flags;
    uint64_t mode;
    uint64_t resolve;
};

// clone3(2)
#define K_CLONE_PIDFD 0x00001000ULL
#define K_CLONE_VM 0x00000100ULL
#define K_CLONE_VFORK 0x00004000ULL
#define K_CLONE_PARENT 0x00008000ULL
#define K_CLONE_CLEAR_SIGHAND 0x100000000ULL
#define K_CLONE_INTO_CGROUP 0x200000000ULL

struct k_clone_args {
    uint64_t flags;
    uint64_t pidfd;
    uint64_t child_tid;
    uint64_t parent_tid;
    uint64_t exit_signal;
    uint64_t stack;
    uint64_t stack_size;
    uint64_t tls;
    uint64_t set_tid;
    uint64_t set_tid_size;
    uint64_t cgroup;
};

// ioctl_tty(2)
enum { K_TIOCGPTPEER = 0x5441 };

// close_range(2)
enum { K_CLOSE_RANGE_CLOEXEC = 4 };

static inline int k_open_tree(int dirfd, const char *path, unsigned flags) {
    return (int)syscall(NR_open_tree, dirfd, path, flags);
}

// Moves the mount behind `from` onto the place behind `to`.
static inline int k_move_mount(int from, int to) {
    return (int)syscall(NR_move_mount, from, "", to, "",
                        K_MOVE_MOUNT_F_EMPTY_PATH | K_MOVE_MOUNT_T_EMPTY_PATH);
}

static inline int k_fsopen(const char *type) {
    return (int)syscall(NR_fsopen, type, K_FSOPEN_CLOEXEC);
}

static inline int k_fsconfig(int fd, unsigned command, const char *key, const char *value) {
    return (int)syscall(NR_fsconfig, fd, command, key, value, 0);
}

static inline int k_fsmount(int fd, unsigned attributes) {
    return (int)syscall(NR_fsmount, fd, K_FSMOUNT_CLOEXEC, attributes);
}

static inline int k_mount_setattr(int dirfd, unsigned flags, struct k_mount_attr *attr) {
    return (int)syscall(NR_mount_setattr, dirfd, "", flags, attr, sizeof *attr);
}

// While anything is renamed or mounted on the machine, the kernel cannot tell whether a way up has
// stayed inside, and says EAGAIN; somebody who renames all the time must not hold us up for ever.
static inline int k_openat2(int dirfd, const char *path, uint64_t flags, uint64_t resolve) {
    struct k_open_how how = {.flags = flags, .resolve = resolve};
    int fd = -1;
    for (int left = 1000; left > 0; left--) {
        fd = (int)syscall(NR_openat2, dirfd, path, &how, sizeof how);
        if (fd >= 0 || errno != EAGAIN) break;
    }
    return fd;
}

static inline int k_pidfd_open(pid_t pid) { return (int)syscall(NR_pidfd_open, pid, 0); }

static inline int k_close_range(unsigned first, unsigned last, unsigned flags) {
    return (int)syscall(NR_close_range, first, last, flags);
}

// clone3 with a stack of the child's own, on which `entry(argument)` runs and never returns.
// A C wrapper cannot do this: with CLONE_VM the child would return through stack frames that its
// parent still needs. Returns the pid, or -errno.
static inline long k_clone3(struct k_clone_args *args, void (*entry)(void *), void *argument) {
#if defined(__x86_64__)
    long result;
    register void (*function)(void *) __asm__("r12") = entry;
    register void *parameter __asm__("r13") = argument;
    __asm__ volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "xor %%ebp, %%ebp\n\t"
        "mov %%r13, %%rdi\n\t"
        "call *%%r12\n\t"
        "hlt\n"
        "1:"
        : "=a"(result)
        : "a"((long)NR_clone3), "D"(args), "S"(sizeof *args), "r"(function), "r"(parameter)
        : "rcx", "r11", "memory", "cc");
    return result;
#else
    register long number __asm__("x8") = NR_clone3;
    register long result __asm__("x0") = (long)args;
    register long size __asm__("x1") = sizeof *args;
    register void (*function)(void *) __asm__("x19") = entry;
    register void *parameter __asm__("x20") = argument;
    __asm__ volatile(
        "svc #0\n\t"
        "cbnz x0, 1f\n\t"
        "mov x29, xzr\n\t"
        "mov x0, x20\n\t"
        "blr x19\n\t"
        "brk #0\n"
        "1:"
        : "+r"(result)
        : "r"(number), "r"(size), "r"(function), "r"(parameter)
        : "memory", "cc");
    return result;
#endif
}
