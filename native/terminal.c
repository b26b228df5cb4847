// A terminal of the container's own: both sides are made in its devpts, the operator's goes out
// through the report socket, and no descriptor of a terminal of the host ever comes in.
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "init.h"
#include "sandbox.h"
#include "syscalls.h"

// The multiplexer of a devpts, and nothing that somebody has put in its place.
static int open_multiplexer(struct sandbox *sandbox) {
    AUTO_CLOSE int fd =
        files_open(sandbox, "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK, K_RESOLVE_NO_SYMLINKS);
    struct statfs file_system;
    struct stat status;
    if (fd < 0 || fstatfs(fd, &file_system) < 0 || fstat(fd, &status) < 0) {
        return report_fail(&sandbox->report, "open /dev/pts/ptmx");
    }
    if (file_system.f_type != DEVPTS_SUPER_MAGIC || !S_ISCHR(status.st_mode) ||
        status.st_rdev != makedev(5, 2)) {
        errno = ENODEV;
        return report_fail(&sandbox->report, "/dev/pts/ptmx does not make terminals");
    }
    return steal_fd(&fd);
}

// By descriptor: a name in /dev/pts could be somebody else's by the time it is opened.
static int open_peer(struct sandbox *sandbox, int master) {
    int locked = 0;
    if (ioctl(master, TIOCSPTLCK, &locked) < 0) {
        return report_fail(&sandbox->report, "unlock the terminal");
    }
    int peer = ioctl(master, K_TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    return peer >= 0 ? peer : report_fail(&sandbox->report, "open the terminal");
}

static int set_size(struct sandbox *sandbox, int peer, unsigned rows, unsigned columns) {
    struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
    if (ioctl(peer, TIOCSWINSZ, &size) < 0) {
        return report_fail(&sandbox->report, "set the terminal's size");
    }
    return 0;
}

static int bind_console(struct sandbox *sandbox, int peer) {
    AUTO_CLOSE int place = files_ensure_file(sandbox, "/dev/console");
    if (place < 0) return -1;
    AUTO_CLOSE int tree =
        k_open_tree(peer, "", K_OPEN_TREE_CLONE | K_OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
    if (tree < 0 || k_move_mount(tree, place) < 0) {
        return report_fail(&sandbox->report, "attach the terminal at /dev/console");
    }
    return 0;
}

// PID 1 is to stand between the terminal and the pipes that it was started with.
static int keep(struct sandbox *sandbox, int *master, int peer) {
    struct relay *relay = &sandbox->relay;
    relay->input = fcntl(INIT_STDIN, F_DUPFD_CLOEXEC, INIT_HOLD);
    relay->output = fcntl(INIT_STDOUT, F_DUPFD_CLOEXEC, INIT_HOLD);
    relay->peer = fcntl(peer, F_DUPFD_CLOEXEC, INIT_HOLD);
    if (relay->input < 0 || relay->output < 0 || relay->peer < 0) {
        return report_fail(&sandbox->report, "keep the terminal");
    }
    relay->terminal = steal_fd(master);
    relay->on = true;
    return 0;
}

static int hand_out(struct sandbox *sandbox, int master) {
    if (report_send_descriptor(INIT_REPORT, REPORT_TERMINAL, master) < 0) {
        return report_fail(&sandbox->report, "hand the terminal out");
    }
    return 0;
}

int terminal_make(struct sandbox *sandbox, const struct plan_step *step) {
    AUTO_CLOSE int master = open_multiplexer(sandbox);
    if (master < 0) return -1;
    AUTO_CLOSE int peer = open_peer(sandbox, master);
    if (peer < 0) return -1;
    if (fchown(peer, (uid_t)step->values[0].number, (gid_t)-1) < 0) {
        return report_fail(&sandbox->report, "give the terminal to its user");
    }
    if (set_size(sandbox, peer, (unsigned)step->values[1].number,
                 (unsigned)step->values[2].number) < 0) {
        return -1;
    }
    if (step->values[3].number != 0 && bind_console(sandbox, peer) < 0) return -1;
    bool kept = step->values[4].number != 0;
    if ((kept ? keep(sandbox, &master, peer) : hand_out(sandbox, master)) < 0) return -1;
    for (int fd = INIT_STDIN; fd <= INIT_STDERR; fd++) {
        if (dup2(peer, fd) < 0) return report_fail(&sandbox->report, "use the terminal");
    }
    return 0;
}

int terminal_control(struct sandbox *sandbox) {
    if (ioctl(INIT_STDIN, TIOCSCTTY, 0) < 0) {
        return report_fail(&sandbox->report, "take control of the terminal");
    }
    return 0;
}
