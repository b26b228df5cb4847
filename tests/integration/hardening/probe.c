// What a job may try, as a static program: `probe COMMAND ARGUMENT...`. Each line of output is what
// the kernel answered: `ok`, or the name of the error.
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
    int number;
    const char *name;
} names[] = {
    {EPERM, "EPERM"},   {ENOENT, "ENOENT"}, {EACCES, "EACCES"},
    {EBUSY, "EBUSY"},   {EINVAL, "EINVAL"}, {EROFS, "EROFS"},
    {ELOOP, "ELOOP"},   {ENOSYS, "ENOSYS"}, {ETXTBSY, "ETXTBSY"},
    {ENOKEY, "ENOKEY"}, {ENOTTY, "ENOTTY"}, {EBADF, "EBADF"},
    {ENXIO, "ENXIO"},   {EFAULT, "EFAULT"}, {EAFNOSUPPORT, "EAFNOSUPPORT"},
};

static void answer(long result) {
    if (result >= 0) {
        puts("ok");
        return;
    }
    int error = errno;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].number == error) {
            puts(names[i].name);
            return;
        }
    }
    printf("error %d\n", error);
}

// open PATH r|w|rw|t: read, write, both, truncate.
static int try_open(char **arguments) {
    const char *mode = arguments[1];
    int flags = strcmp(mode, "r") == 0 ? O_RDONLY : strcmp(mode, "rw") == 0 ? O_RDWR : O_WRONLY;
    if (strcmp(mode, "t") == 0) flags |= O_TRUNC;
    answer(open(arguments[0], flags | O_NONBLOCK | O_NOCTTY));
    return 0;
}

// overwrite PATH: by every way that leads from a descriptor for reading to another byte in the
// file.
static int overwrite(char **arguments) {
    char again[64];
    int fd = open(arguments[0], O_RDONLY);
    answer(fd);
    snprintf(again, sizeof again, "/proc/self/fd/%d", fd);
    int writable = open(again, O_WRONLY);
    answer(writable);
    answer(writable < 0 ? -1 : pwrite(writable, "x", 1, 0));
    answer(truncate(again, 0));
    answer(fchmod(fd, 0777));
    return 0;
}

// fds: which descriptors are open, and what they are.
static int list_descriptors(char **arguments) {
    (void)arguments;
    for (int fd = 0; fd < 4096; fd++) {
        struct stat status;
        if (fstat(fd, &status) < 0) continue;
        const char *kind = S_ISDIR(status.st_mode)    ? "directory"
                           : S_ISFIFO(status.st_mode) ? "pipe"
                           : S_ISCHR(status.st_mode)  ? "device"
                                                      : "other";
        printf("%d %s\n", fd, kind);
    }
    return 0;
}

// status: what the kernel says of this process.
static int status(char **arguments) {
    (void)arguments;
    char text[8192];
    int fd = open("/proc/self/status", O_RDONLY);
    ssize_t size = read(fd, text, sizeof text);
    return size > 0 && write(1, text, (size_t)size) == size ? 0 : 1;
}

// cwd: the kernel's own words.
static int working_directory(char **arguments) {
    (void)arguments;
    char path[4096];
    puts(syscall(SYS_getcwd, path, sizeof path) < 0 ? "none" : path);
    return 0;
}

// call NUMBER ARGUMENT...: any system call, in a process of its own.
static int call(char **arguments) {
    unsigned long v[7] = {0};
    for (int i = 0; i < 7 && arguments[i] != NULL; i++) v[i] = strtoul(arguments[i], NULL, 0);
    answer(syscall((long)v[0], v[1], v[2], v[3], v[4], v[5], v[6]));
    return 0;
}

// ioctl REQUEST: on a pseudo-terminal of our own, the controlling one of a session of our own,
// where the kernel would have no reason of its own to refuse.
static int try_ioctl(char **arguments) {
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY), unlocked = 0;
    if (fork() != 0) return wait(NULL) < 0;
    setsid();
    ioctl(master, TIOCSPTLCK, &unlocked);
    int terminal = ioctl(master, TIOCGPTPEER, O_RDWR);
    char room[256] = "x";
    answer(syscall(SYS_ioctl, terminal, strtoul(arguments[0], NULL, 0), room));
    return 0;
}

// keys DESCRIPTION: searched for in every keyring that a process can name.
static int find_key(char **arguments) {
    const int rings[] = {KEY_SPEC_THREAD_KEYRING, KEY_SPEC_PROCESS_KEYRING,
                         KEY_SPEC_SESSION_KEYRING, KEY_SPEC_USER_KEYRING,
                         KEY_SPEC_USER_SESSION_KEYRING};
    for (size_t i = 0; i < sizeof rings / sizeof *rings; i++) {
        answer(syscall(SYS_keyctl, (long)KEYCTL_SEARCH, (long)rings[i], "user", arguments[0], 0L));
    }
    answer(syscall(SYS_request_key, "user", arguments[0], NULL, 0L));
    return 0;
}

// remount PATH: writable again.
static int remount(char **arguments) {
    answer(mount(NULL, arguments[0], NULL, MS_REMOUNT | MS_BIND, NULL));
    return 0;
}

// mount TYPE PATH
static int try_mount(char **arguments) {
    answer(mount(arguments[0], arguments[1], arguments[0], 0, NULL));
    return 0;
}

#ifdef __x86_64__
// The same machine by its other doors; who gets through says so.
static int by_i386(char **arguments) {
    (void)arguments;
    long result = 20;  // getpid
    __asm__ volatile("int $0x80" : "+a"(result) : : "r8", "r9", "r10", "r11", "memory");
    puts("ok");
    return 0;
}

static int by_x32(char **arguments) {
    (void)arguments;
    syscall(0x40000000 + SYS_getpid);
    puts("ok");
    return 0;
}
#endif

// race PLACE CANARY: swap a directory and links to the canary at PLACE, until killed.
static int race(char **arguments) {
    char one[4096], two[4096];
    snprintf(one, sizeof one, "%s.directory", arguments[0]);
    snprintf(two, sizeof two, "%s.link", arguments[0]);
    if (mkdir(one, 0755) < 0 || symlink(arguments[1], two) < 0) return 1;
    puts("ready");
    fflush(stdout);
    for (;;) {
        rename(one, arguments[0]);
        rename(arguments[0], one);
        rename(two, arguments[0]);
        rename(arguments[0], two);
    }
}

static const struct {
    const char *name;
    int (*run)(char **arguments);
} commands[] = {
    {"open", try_open},
    {"overwrite", overwrite},
    {"fds", list_descriptors},
    {"status", status},
    {"cwd", working_directory},
    {"call", call},
    {"ioctl", try_ioctl},
    {"keys", find_key},
    {"remount", remount},
    {"mount", try_mount},
    {"race", race},
#ifdef __x86_64__
    {"i386", by_i386},
    {"x32", by_x32},
#endif
};

int main(int count, char **arguments) {
    for (size_t i = 0; count > 1 && i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(arguments[1], commands[i].name) == 0) return commands[i].run(arguments + 2);
    }
    fprintf(stderr, "probe: unknown command\n");
    return 2;
}
