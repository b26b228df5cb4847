// What `pocker run -it` and `exec -it` become when their user leaves them with the detach keys:
// this process was the command's parent, so it is who learns how it ends, and it has its terminal,
// which would hang up without it. PID 1 does the same from within where a supervisor has started
// it.
#include "holder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "ending.h"
#include "init.h"
#include "relay.h"
#include "sandbox.h"
#include "syscalls.h"

enum { P_BY_PIDFD = 3 };

static int status_of(const siginfo_t *info) {
    if (info->si_code == CLD_EXITED) return info->si_status << 8;
    return info->si_status | (info->si_code == CLD_DUMPED ? 0x80 : 0);
}

// Before the process is reaped, which ends with this one: a supervisor that watches it finds either
// it or the record, and one that comes too late to watch waits for the record. A process that is no
// child of ours has no record.
static void write_record(int64_t started_real, int64_t started_boot) {
    siginfo_t info = {0};
    struct rusage usage = {0};
    int flags = WEXITED | WNOWAIT;
    while (syscall(SYS_waitid, P_BY_PIDFD, HOLDER_PROCESS, &info, flags, &usage) < 0) {
        if (errno != EINTR) return;
    }
    struct exit_record record = {.started_ns = started_real};
    ending_note(&record, status_of(&info), started_boot);
    ending_write(&record, &usage);
}

int holder_run(char **arguments) {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    prctl(PR_SET_NAME, "terminal", 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    static struct sandbox sandbox = {
        .relay = {.terminal = HOLDER_TERMINAL, .input = INIT_STDIN, .output = INIT_STDOUT},
    };
    // All that is needed is open, and nobody is to be signalled.
    if (privileges_no_new(&sandbox) < 0 || privileges_capabilities(&sandbox, 0) < 0) {
        return EXIT_FAILURE;
    }
    struct relay *relay = &sandbox.relay;
    relay->peer = ioctl(HOLDER_TERMINAL, K_TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    relay_begin(relay, HOLDER_PROCESS);  // a pidfd is readable once its process has ended
    relay_until_woken(relay);
    write_record(atoll(arguments[1]), atoll(arguments[2]));
    relay_finish(relay);
    ending_wait_for_reader();
    return EXIT_SUCCESS;
}
