"""Which system calls a container may make: an allow-list after Docker's default profile.

Three answers are possible. A call that is listed here as allowed is made. One that is listed as
denied gives EPERM. Every other number, such as one of a newer kernel, gives ENOSYS, so that a C
library falls back to what it did before that call existed.

Arguments are compared by their low 32 bits where the kernel itself looks at no more: comparing all
64 would let a caller hide a forbidden value behind high bits that are dropped later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import frozen

from runtime.security.capabilities import (
    CAP_BPF,
    CAP_DAC_READ_SEARCH,
    CAP_PERFMON,
    CAP_SYS_ADMIN,
    CAP_SYS_BOOT,
    CAP_SYS_CHROOT,
    CAP_SYS_MODULE,
    CAP_SYS_NICE,
    CAP_SYS_PACCT,
    CAP_SYS_PTRACE,
    CAP_SYS_RAWIO,
    CAP_SYS_TIME,
    CAP_SYS_TTY_CONFIG,
    CAP_SYSLOG,
)


@frozen
class Comparison:
    """True where ``argument & mask == value``."""

    argument: int
    mask: int
    value: int


@frozen
class Rule:
    """A call of this name is allowed or denied, or is so only where the comparison is true."""

    allow: bool
    name: str
    comparison: Comparison | None = None


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FILES = _names(
    """
    access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat
    faccessat2 fadvise64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchownat
    fcntl fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstatfs fsync ftruncate
    futimesat getcwd getdents getdents64 getxattr getxattrat inotify_add_watch inotify_init
    inotify_init1 inotify_rm_watch lchown lgetxattr link linkat listmount listxattr listxattrat
    llistxattr lremovexattr lseek lsetxattr lstat mkdir mkdirat mknod mknodat name_to_handle_at
    newfstatat open openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read
    readahead readlink readlinkat readv removexattr removexattrat rename renameat renameat2 rmdir
    sendfile setxattr setxattrat splice stat statfs statmount statx symlink symlinkat sync
    sync_file_range syncfs tee truncate umask unlink unlinkat utime utimensat utimes vmsplice write
    writev
    """
)
_WAITING = _names(
    """
    epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
    epoll_wait_old eventfd eventfd2 futex futex_requeue futex_wait futex_waitv futex_wake
    get_robust_list io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit poll ppoll
    pselect6 select set_robust_list
    """
)
_MEMORY = _names(
    """
    brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock
    mlock2 mlockall mmap mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free
    pkey_mprotect process_mrelease remap_file_pages
    """
)
_PROCESSES = _names(
    """
    arch_prctl execve execveat exit exit_group fork get_thread_area getcpu getpgid getpgrp getpid
    getppid getpriority getrlimit getrusage getsid gettid ioprio_get ioprio_set
    landlock_add_rule landlock_create_ruleset landlock_restrict_self modify_ldt pidfd_open prctl
    prlimit64 process_vm_readv process_vm_writev ptrace restart_syscall rseq sched_get_priority_max
    sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
    sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler
    sched_yield seccomp set_thread_area set_tid_address setpgid setpriority setrlimit setsid
    sysinfo times uname vfork wait4 waitid
    """
)
_CREDENTIALS = _names(
    """
    capget capset getegid geteuid getgid getgroups getresgid getresuid getuid setfsgid setfsuid
    setgid setgroups setregid setresgid setresuid setreuid setuid
    """
)
_SIGNALS = _names(
    """
    alarm getitimer kill pause pidfd_send_signal rt_sigaction rt_sigpending rt_sigprocmask
    rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo setitimer
    sigaltstack signalfd signalfd4 tgkill tkill
    """
)
_TIME = _names(
    """
    adjtimex clock_adjtime clock_getres clock_gettime clock_nanosleep getrandom gettimeofday
    nanosleep time timer_create timer_delete timer_getoverrun timer_gettime timer_settime
    timerfd_create timerfd_gettime timerfd_settime
    """
)
_MESSAGES = _names(
    """
    accept accept4 bind connect getpeername getsockname getsockopt listen mq_getsetattr mq_notify
    mq_open mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd recvfrom recvmmsg
    recvmsg semctl semget semop semtimedop sendmmsg sendmsg sendto setsockopt shmat shmctl shmdt
    shmget shutdown socketpair
    """
)

ALLOWED: frozenset[str] = frozenset[str]().union(
    _FILES, _WAITING, _MEMORY, _PROCESSES, _CREDENTIALS, _SIGNALS, _TIME, _MESSAGES
)
"""Calls that every container may make, whatever their arguments."""

DENIED: frozenset[str] = _names(
    """
    add_key io_uring_enter io_uring_register io_uring_setup kexec_file_load kexec_load keyctl
    migrate_pages move_pages pivot_root request_key swapoff swapon sysfs userfaultfd uselib ustat
    """
)
"""Calls that no container may make, whatever its capabilities."""

GRANTED: dict[int, frozenset[str]] = {
    CAP_DAC_READ_SEARCH: frozenset({"open_by_handle_at"}),
    CAP_SYS_MODULE: frozenset({"delete_module", "finit_module", "init_module"}),
    CAP_SYS_RAWIO: frozenset({"ioperm", "iopl"}),
    CAP_SYS_CHROOT: frozenset({"chroot"}),
    CAP_SYS_PTRACE: frozenset({"kcmp", "pidfd_getfd", "process_madvise"}),
    CAP_SYS_PACCT: frozenset({"acct"}),
    CAP_SYS_ADMIN: _names(
        """
        bpf fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr
        lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree open_tree_attr
        perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount2 unshare
        """
    ),
    CAP_SYS_BOOT: frozenset({"reboot"}),
    CAP_SYS_NICE: frozenset({"get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"}),
    CAP_SYS_TIME: frozenset({"clock_settime", "settimeofday"}),
    CAP_SYS_TTY_CONFIG: frozenset({"vhangup"}),
    CAP_SYSLOG: frozenset({"syslog"}),
    CAP_PERFMON: frozenset({"perf_event_open"}),
    CAP_BPF: frozenset({"bpf"}),
}
"""Calls that are allowed to the holder of a capability and denied to all others."""

RECENT_NUMBERS: dict[str, int] = {
    "cachestat": 451,
    "fchmodat2": 452,
    "map_shadow_stack": 453,
    "futex_wake": 454,
    "futex_wait": 455,
    "futex_requeue": 456,
    "statmount": 457,
    "listmount": 458,
    "lsm_get_self_attr": 459,
    "lsm_set_self_attr": 460,
    "lsm_list_modules": 461,
    "mseal": 462,
    "setxattrat": 463,
    "getxattrat": 464,
    "listxattrat": 465,
    "removexattrat": 466,
    "open_tree_attr": 467,
}
"""Calls that a C library in use may be too old to name. All architectures number them alike."""

_LOW = 0xFFFF_FFFF
_NAMESPACES = 0x7E02_0000
"""CLONE_NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET and NEWNS."""
_AF_ALG, _AF_VSOCK = 38, 40
_FAMILIES = 6
"""Bits that hold any socket family: AF_MAX is 46."""
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_UNAME26, _PER_LINUX32 = 0x2_0000, 0x8


def rules(capabilities: frozenset[int]) -> tuple[Rule, ...]:
    """The rules for a container with these capabilities; no two of them overlap."""
    granted = frozenset[str]().union(*(GRANTED.get(number, ()) for number in capabilities))
    denied = DENIED.union(*GRANTED.values()) - granted
    return (
        *(Rule(True, name) for name in sorted(ALLOWED | granted)),
        *(Rule(False, name) for name in sorted(denied)),
        *_clone_rules(CAP_SYS_ADMIN in capabilities),
        *_all_but("socket", 0, (_AF_ALG, _AF_VSOCK), _FAMILIES),
        *_all_but("ioctl", 1, (_TIOCSTI, _TIOCLINUX), 32),
        Rule(True, "personality", Comparison(0, _LOW & ~(_UNAME26 | _PER_LINUX32), 0)),
        Rule(True, "personality", Comparison(0, _LOW, _LOW)),  # only asks
    )


def _clone_rules(administrator: bool) -> Iterator[Rule]:
    """New namespaces are for administrators only.

    The flags of clone3 are in memory, where no filter can look: it stays unknown to all others,
    and C libraries use clone instead.
    """
    if administrator:
        yield Rule(True, "clone")
        yield Rule(True, "clone3")
        return
    yield Rule(True, "clone", Comparison(0, _NAMESPACES, 0))
    for flag in (1 << bit for bit in range(32)):
        if flag & _NAMESPACES:
            yield Rule(False, "clone", Comparison(0, flag, flag))


def _all_but(name: str, argument: int, denied: tuple[int, ...], bits: int) -> Iterator[Rule]:
    """Allow all values of `bits` bits but these, as blocks that end at powers of two.

    A filter can ask whether masked bits are equal, but not whether they differ.
    """
    for first, size in _blocks_without(denied, 0, 1 << bits):
        yield Rule(True, name, Comparison(argument, _LOW & ~(size - 1), first))
    for value in denied:
        yield Rule(False, name, Comparison(argument, _LOW, value))


def _blocks_without(denied: Iterable[int], first: int, size: int) -> Iterator[tuple[int, int]]:
    inside = [value for value in denied if first <= value < first + size]
    if not inside:
        yield first, size
    elif size > 1:
        yield from _blocks_without(inside, first, size // 2)
        yield from _blocks_without(inside, first + size // 2, size // 2)
