// What the kernel charges for one container, from the first mkdir to the last rmdir: the system
// calls that a container needs, made by a C program that does nothing else. No runtime can be
// faster; by how much one is slower is the figure that matters.
//
//     gcc -O2 -Wall -Wextra -Werror -o build/floor bench/floor.c
//     build/floor --lower ROOT --scratch DIRECTORY [--count N | --requests] [--seccomp FILE]
//                 [--init] [--minimal] [--skip GROUP]... [--devices] [--unified]
//
// ROOT is a directory with bin/true and the mount points dev, proc and sys; DIRECTORY takes the
// writable layers and must be on a file system that overlay accepts. One JSON line per start:
// {"us": 3012.4}; with --requests one for each line of standard input. --minimal leaves out all
// that --skip can name but cgroups, network and dev;
// --devices and --unified add groups in the devices and, on a hybrid machine, the v2 hierarchy.
//
// As in the real thing, the child shares its parent's memory until it executes the command. With
// --init it stays PID 1 and a child of its own executes it.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>

#include "../native/syscalls.h"
#include "floorcgroups.h"

#define SAFE (MS_NOSUID | MS_NOEXEC | MS_NODEV)

enum { STACK = 64 * 1024, FAILED = 125 };

// Groups of steps that --skip leaves out.
enum { CGROUPS, NETWORK, DEV, SYSFS, CGROUPFS, DEVPTS, SHM, MQUEUE, MASKS, IDENTITY, PRIVILEGES };
static const char *const group_names[] = {"cgroups",  "network",  "dev",       "sysfs",
                                          "cgroupfs", "devpts",   "shm",       "mqueue",
                                          "masks",    "identity", "privileges"};
static bool skip[COUNT(group_names)];

static struct sock_fprog filter;
static int with_init;
static char overlay[1200];

// The root file system; paths are relative to it.

static bool mount_new(const char *type, const char *path, unsigned long flags, const char *data) {
    return check(mount(type, path, type, flags, data), path);
}

static bool mount_below(const char *type, const char *path, unsigned long flags, const char *data) {
    return check(mkdir(path, 0755), path) && mount_new(type, path, flags, data);
}

static bool mount_cgroups(void) {
    if (hierarchy_count == 1) return mount_new("cgroup2", "sys/fs/cgroup", SAFE | MS_RDONLY, NULL);
    bool mounted = mount_new("tmpfs", "sys/fs/cgroup", SAFE, "mode=755,size=64k");
    for (size_t i = 0; i < hierarchy_count && mounted; i++) {
        const char *controller = hierarchies[i].controller;
        char path[64];
        snprintf(path, sizeof path, "sys/fs/cgroup/%s", controller ? controller : "unified");
        mounted =
            mount_below(controller ? "cgroup" : "cgroup2", path, SAFE | MS_RDONLY, controller);
    }
    return mounted && mount_new("tmpfs", "sys/fs/cgroup", SAFE | MS_REMOUNT | MS_RDONLY, NULL);
}

static bool make_devices(void) {
    static const struct {
        const char *path;
        unsigned major, minor;
    } nodes[] = {{"dev/null", 1, 3},   {"dev/zero", 1, 5},    {"dev/full", 1, 7},
                 {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};
    static const char *const links[][2] = {{"/proc/self/fd", "dev/fd"},
                                           {"/proc/self/fd/0", "dev/stdin"},
                                           {"/proc/self/fd/1", "dev/stdout"},
                                           {"/proc/self/fd/2", "dev/stderr"},
                                           {"pts/ptmx", "dev/ptmx"}};
    for (size_t i = 0; i < COUNT(nodes); i++) {
        dev_t device = makedev(nodes[i].major, nodes[i].minor);
        if (!check(mknod(nodes[i].path, S_IFCHR | 0666, device), nodes[i].path)) return false;
    }
    for (size_t i = 0; i < COUNT(links); i++) {
        if (!check(symlink(links[i][0], links[i][1]), links[i][1])) return false;
    }
    return true;
}

static bool mount_dev(void) {
    return mount_new("tmpfs", "dev", MS_NOSUID | MS_STRICTATIME, "mode=755,size=64m") &&
           make_devices() &&
           (skip[DEVPTS] || mount_below("devpts", "dev/pts", MS_NOSUID | MS_NOEXEC,
                                        "newinstance,ptmxmode=0666,mode=0620,gid=5")) &&
           (skip[SHM] || mount_below("tmpfs", "dev/shm", SAFE, "mode=1777,size=64m")) &&
           (skip[MQUEUE] || mount_below("mqueue", "dev/mqueue", SAFE, NULL));
}

// The first directory gets an empty read-only tmpfs, which hides all others too; /dev/null hides
// files.
static bool mask(const char *path, const char **blank) {
    struct stat status;
    if (stat(path, &status) < 0) return true;  // not on this kernel
    const char *null = skip[DEV] ? "/dev/null" : "dev/null";
    const char *cover = S_ISDIR(status.st_mode) ? *blank : null;
    if (cover != NULL) return check(mount(cover, path, NULL, MS_BIND, NULL), path);
    *blank = path;
    return mount_new("tmpfs", path, SAFE | MS_RDONLY, NULL);
}

static bool make_read_only(const char *path) {
    return access(path, F_OK) < 0 ||
           (check(mount(path, path, NULL, MS_BIND | MS_REC, NULL), path) &&
            check(mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | SAFE | MS_RDONLY, NULL), path));
}

static bool mask_paths(void) {
    static const char *const masked[] = {
        "proc/acpi",        "proc/asound",     "proc/interrupts",
        "proc/kcore",       "proc/keys",       "proc/sched_debug",
        "proc/scsi",        "proc/timer_list", "proc/latency_stats",
        "proc/timer_stats", "sys/firmware",    "sys/devices/virtual/powercap"};
    static const char *const read_only[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys",
                                            "proc/sysrq-trigger"};
    const char *blank = NULL;
    bool done = true;
    for (size_t i = 0; i < COUNT(masked) && done; i++) done = mask(masked[i], &blank);
    for (size_t i = 0; i < COUNT(read_only) && done; i++) done = make_read_only(read_only[i]);
    return done;
}

static bool make_root(void) {
    return check(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make mounts private") &&
           check(mount("overlay", "root", "overlay", 0, overlay), "mount overlay") &&
           check(chdir("root"), "enter root") && mount_new("proc", "proc", SAFE, NULL) &&
           (skip[SYSFS] || mount_new("sysfs", "sys", SAFE | MS_RDONLY, NULL)) &&
           (skip[SYSFS] || skip[CGROUPFS] || skip[CGROUPS] || mount_cgroups()) &&
           (skip[DEV] || mount_dev()) && (skip[MASKS] || mask_paths()) &&
           check(syscall(SYS_pivot_root, ".", "."), "pivot_root") &&
           check(umount2(".", MNT_DETACH), "detach the old root") && check(chdir("/"), "enter /");
}

// Identity and privileges.

static bool loopback_up(void) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return fail("socket");
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    bool up = check(ioctl(fd, SIOCSIFFLAGS, &request), "set lo up");
    close(fd);
    return up;
}

static bool set_identity(void) {
    return check(setsid(), "setsid") &&
           check(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL), "session keyring") &&
           check(sethostname("floor", 5), "sethostname");
}

static bool set_capabilities(void) {
    // CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE SYS_CHROOT
    // SETFCAP
    const uint32_t kept = 0x800405fb;
    for (unsigned long capability = 0; capability < 64; capability++) {
        if (capability < 32 && (kept & (1U << capability))) continue;
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
        if (errno == EINVAL) break;  // behind the last one of this kernel
        return fail("drop a capability");
    }
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{.effective = kept, .permitted = kept}};
    return check(syscall(SYS_capset, &header, data), "capset");
}

static bool drop_privileges(void) {
    umask(022);
    gid_t none[1];
    return check(syscall(SYS_setgroups, 0, none), "setgroups") &&
           check(syscall(SYS_setresgid, 0, 0, 0), "setresgid") &&
           check(syscall(SYS_setresuid, 0, 0, 0), "setresuid") && set_capabilities() &&
           check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs") &&
           (filter.len == 0 ||
            check(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter), "seccomp"));
}

// Processes.

static void execute_command(void *unused) {
    (void)unused;
    char *arguments[] = {"true", NULL};
    char *environment[] = {"PATH=/bin", NULL};
    if (skip[PRIVILEGES] || drop_privileges()) {
        execve("/bin/true", arguments, environment);
        fail("execute /bin/true");
    }
    _exit(FAILED);
}

static void be_init(void) {
    static char stack[STACK] __attribute__((aligned(64)));
    struct k_clone_args args = {.flags = K_CLONE_VM | K_CLONE_VFORK,
                                .exit_signal = SIGCHLD,
                                .stack = (uint64_t)stack,
                                .stack_size = sizeof stack};
    long pid = k_clone3(&args, execute_command, NULL);
    siginfo_t info = {0};
    if (pid < 0 || waitid(P_PID, (id_t)pid, &info, WEXITED) < 0) _exit(FAILED);
    _exit(info.si_code == CLD_EXITED ? info.si_status : FAILED);
}

static void container(void *unused) {
    if ((skip[CGROUPS] || join_cgroups()) && (skip[IDENTITY] || set_identity()) &&
        (skip[NETWORK] || loopback_up()) && make_root()) {
        if (with_init) be_init();
        execute_command(unused);
    }
    _exit(FAILED);
}

static void start(void) {
    static char stack[STACK] __attribute__((aligned(64)));
    int pidfd = -1;
    struct k_clone_args args = {
        .flags = K_CLONE_VM | K_CLONE_VFORK | K_CLONE_PIDFD | K_CLONE_CLEAR_SIGHAND | CLONE_NEWNS |
                 CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | (skip[NETWORK] ? 0 : CLONE_NEWNET),
        .pidfd = (uint64_t)&pidfd,
        .exit_signal = SIGCHLD,
        .stack = (uint64_t)stack,
        .stack_size = sizeof stack,
    };
    for (size_t i = 0; i < hierarchy_count && !skip[CGROUPS]; i++) {
        if (hierarchies[i].controller) continue;
        args.flags |= K_CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)hierarchies[i].fd;
    }
    long pid = k_clone3(&args, container, NULL);
    if (pid < 0) {
        errno = (int)-pid;
        fail("clone3");
        return;
    }
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0) fail("waitid");
    errno = ECANCELED;
    if (info.si_code != CLD_EXITED || info.si_status != 0) fail("the command's exit status");
    close(pidfd);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk) {
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

static double once(void) {
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    if ((skip[CGROUPS] || make_cgroups()) && check(mkdir("upper", 0755), "upper") &&
        check(mkdir("work", 0700), "work")) {
        start();
    }
    if (!skip[CGROUPS]) remove_cgroups();
    nftw("upper", remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    nftw("work", remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    clock_gettime(CLOCK_MONOTONIC, &after);
    return (double)(after.tv_sec - before.tv_sec) * 1e6 +
           (double)(after.tv_nsec - before.tv_nsec) / 1e3;
}

// Options.

static void read_filter(const char *path) {
    static struct sock_filter program[BPF_MAXINSNS];
    FILE *file = fopen(path, "rbe");
    if (file == NULL) die(path);
    filter.len = (unsigned short)fread(program, sizeof *program, BPF_MAXINSNS, file);
    filter.filter = program;
    fclose(file);
}

static void skip_group(const char *name) {
    for (size_t i = 0; i < COUNT(group_names); i++) {
        if (strcmp(name, group_names[i]) != 0) continue;
        skip[i] = true;
        return;
    }
    errno = EINVAL;
    die(name);
}

int main(int argc, char **argv) {
    int minimal = 0, devices = 0, unified = 0, requests = 0;
    const struct option known[] = {{"lower", required_argument, NULL, 'l'},
                                   {"scratch", required_argument, NULL, 's'},
                                   {"count", required_argument, NULL, 'n'},
                                   {"skip", required_argument, NULL, 'x'},
                                   {"seccomp", required_argument, NULL, 'f'},
                                   {"init", no_argument, &with_init, 1},
                                   {"minimal", no_argument, &minimal, 1},
                                   {"devices", no_argument, &devices, 1},
                                   {"unified", no_argument, &unified, 1},
                                   {"requests", no_argument, &requests, 1},
                                   {0}};
    const char *lower = NULL, *scratch = NULL;
    long count = 1;
    for (int option; (option = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (option == 'l') lower = realpath(optarg, NULL);
        if (option == 's') scratch = realpath(optarg, NULL);
        if (option == 'n') count = strtol(optarg, NULL, 10);
        if (option == 'x') skip_group(optarg);
        if (option == 'f') read_filter(optarg);
        if (option == '?') return 2;
    }
    if (lower == NULL || scratch == NULL || optind != argc) {
        fputs("floor: --lower and --scratch are needed, and must exist\n", stderr);
        return 2;
    }
    for (size_t i = SYSFS; minimal && i < COUNT(skip); i++) skip[i] = true;
    find_hierarchies(devices, unified);
    snprintf(overlay, sizeof overlay, "lowerdir=%s,upperdir=upper,workdir=work,volatile", lower);
    char directory[512];
    snprintf(directory, sizeof directory, "%s/floor-%d", scratch, getpid());
    if (mkdir(directory, 0700) < 0 || chdir(directory) < 0 || mkdir("root", 0755) < 0) {
        die(directory);
    }
    umask(0);  // device nodes get the modes that are asked for
    setlinebuf(stdout);
    for (long i = 0; failed == NULL && (requests ? getchar() != EOF : i < count); i++) {
        double microseconds = once();
        if (failed == NULL) printf("{\"us\": %.1f}\n", microseconds);
    }
    rmdir("root");
    rmdir(directory);
    if (failed == NULL) return 0;
    errno = failed_errno;
    die(failed);
}
