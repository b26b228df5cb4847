// sources: native/terminal.c native/files.c native/rootfs.c native/report.c native/plan.c
//
// A terminal is made in the container's own devpts and handed out; what is put in the place of its
// multiplexer is refused and not acted upon.
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <termios.h>

#include "init.h"
#include "scene.h"

static const struct plan_step step = {
    .op = OP_TERMINAL,
    .values = {{.number = 4711}, {.number = 31}, {.number = 97}, {.number = 1}},
};

// Our side of the report socket.
static int socket_in_place(void) {
    int ends[2];
    MUST(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
    int ours = fcntl(ends[0], F_DUPFD_CLOEXEC, 20);
    MUST(ours);
    MUST(dup2(ends[1], INIT_REPORT));
    return ours;
}

static void make_devpts(void) {
    MUST(mkdir(ROOT "/dev", 0755));
    MUST(mkdir(ROOT "/dev/pts", 0755));
    MUST(mount("devpts", ROOT "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666,mode=0620"));
}

static int received(int socket, struct report *report) {
    struct iovec content = {.iov_base = report, .iov_len = sizeof *report};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {
        .msg_iov = &content,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes,
    };
    must(recvmsg(socket, &message, MSG_DONTWAIT) == sizeof *report, "recvmsg");
    int descriptor;
    memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof descriptor);
    return descriptor;
}

static void the_pair_is_made_and_handed_out(struct sandbox *sandbox) {
    if (geteuid() != 0) return;  // in a user namespace nobody else's number is known
    make_devpts();
    int ours = socket_in_place();
    MUST(terminal_make(sandbox, &step));
    struct report report;
    int master = received(ours, &report);
    assert(report.magic == REPORT_MAGIC && report.kind == REPORT_TERMINAL);

    struct stat status, console;
    for (int fd = 0; fd <= 2; fd++) {
        MUST(fstat(fd, &status));
        assert(S_ISCHR(status.st_mode) && major(status.st_rdev) == 136);
        assert(status.st_uid == 4711);
    }
    MUST(stat(ROOT "/dev/console", &console));
    assert(console.st_rdev == status.st_rdev && console.st_dev == status.st_dev);

    struct winsize size;
    MUST(ioctl(master, TIOCGWINSZ, &size));
    assert(size.ws_row == 31 && size.ws_col == 97);
    MUST(write(master, "hello\n", 6));
    char line[16] = {0};
    must(read(0, line, sizeof line) == 6, "read from the terminal");
    assert(strcmp(line, "hello\n") == 0);

    MUST(setsid());
    MUST(terminal_control(sandbox));
    assert(tcgetsid(0) == getpid());
}

static void what_is_no_multiplexer_is_refused(struct sandbox *sandbox) {
    MUST(mkdir(ROOT "/dev", 0755));
    MUST(mkdir(ROOT "/dev/pts", 0755));
    int ours = socket_in_place();
    expect_failure(sandbox, terminal_make(sandbox, &step), ENOENT, "open /dev/pts/ptmx");
    MUST(mkfifo(ROOT "/dev/pts/ptmx", 0666));
    expect_failure(sandbox, terminal_make(sandbox, &step), ENODEV,
                   "/dev/pts/ptmx does not make terminals");
    MUST(unlink(ROOT "/dev/pts/ptmx"));
    write_text(ROOT "/dev/pts/ptmx", "");
    expect_failure(sandbox, terminal_make(sandbox, &step), ENODEV,
                   "/dev/pts/ptmx does not make terminals");
    MUST(unlink(ROOT "/dev/pts/ptmx"));
    MUST(symlink("/dev/pts/other", ROOT "/dev/pts/ptmx"));
    expect_failure(sandbox, terminal_make(sandbox, &step), ELOOP, "open /dev/pts/ptmx");
    struct report report;
    assert(recv(ours, &report, sizeof report, MSG_DONTWAIT) < 0 && errno == EAGAIN);
    expect_canary_untouched();
}

static void a_multiplexer_outside_of_a_devpts_is_refused(struct sandbox *sandbox) {
    if (geteuid() != 0) return;  // nobody else may make a device
    MUST(mkdir(ROOT "/dev", 0755));
    MUST(mkdir(ROOT "/dev/pts", 0755));
    if (mknod(ROOT "/dev/pts/ptmx", S_IFCHR | 0666, makedev(5, 2)) < 0) return;
    // The kernel takes the devpts beside such a device; ours is to be in it.
    MUST(mkdir(ROOT "/dev/pts/pts", 0755));
    MUST(mount("devpts", ROOT "/dev/pts/pts", "devpts", 0, "newinstance"));
    expect_failure(sandbox, terminal_make(sandbox, &step), ENODEV,
                   "/dev/pts/ptmx does not make terminals");
}

static void nobody_to_hand_it_to_is_a_failure(struct sandbox *sandbox) {
    if (geteuid() != 0) return;
    make_devpts();
    close(socket_in_place());
    expect_failure(sandbox, terminal_make(sandbox, &step), EPIPE, "hand the terminal out");
}

static void what_is_no_terminal_cannot_be_controlled(struct sandbox *sandbox) {
    int null = open("/dev/null", O_RDWR);
    MUST(null);
    MUST(dup2(null, 0));
    expect_failure(sandbox, terminal_control(sandbox), ENOTTY, "take control of the terminal");
}

int main(void) {
    IN_CHILD(the_pair_is_made_and_handed_out);
    IN_CHILD(what_is_no_multiplexer_is_refused);
    IN_CHILD(a_multiplexer_outside_of_a_devpts_is_refused);
    IN_CHILD(nobody_to_hand_it_to_is_a_failure);
    IN_CHILD(what_is_no_terminal_cannot_be_controlled);
    return 0;
}
