// `init`: carries out the plan, executes the command, and with an `init` step in the plan stays
// behind as PID 1 of the container: it reaps orphans, forwards signals to the command and writes
// the exit record. During set-up it may exit at any fault; once the command runs it only ends
// when the command has ended.
#include "init.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "ending.h"
#include "holder.h"
#include "relay.h"
#include "sandbox.h"
#include "syscalls.h"

enum {
    EXIT_SETUP_FAILED = 125,
    CHILD_STACK = 256 * 1024,
};

// The command as execve(2) wants it, prepared while the plan is checked: between the fork and the
// exec nothing is allocated.
struct command {
    char **arguments;
    char **environment;
};

struct launch {
    struct plan plan;
    struct sandbox sandbox;
    struct command command;
    sigset_t inherited;
    volatile int failed;  // set by the child, which shares this memory until it executes
};

static char **string_array(const struct plan_value *list) {
    char **array = calloc((size_t)list->count + 1, sizeof *array);
    if (array == NULL) return NULL;
    const char *string = list->data;
    for (uint32_t i = 0; i < list->count; i++, string = plan_next_string(string)) {
        array[i] = (char *)string;
    }
    return array;
}

static int map_plan(struct launch *launch) {
    struct stat status;
    struct report *report = &launch->sandbox.report;
    if (fstat(INIT_PLAN, &status) < 0) return report_fail(report, "plan: stat");
    if (status.st_size > PLAN_MAX_SIZE) {
        errno = EFBIG;
        return report_fail(report, "plan: %lld bytes", (long long)status.st_size);
    }
    size_t size = (size_t)status.st_size;
    void *data = mmap(NULL, size == 0 ? 1 : size, PROT_READ, MAP_PRIVATE, INIT_PLAN, 0);
    if (data == MAP_FAILED) return report_fail(report, "plan: map");
    return plan_open(&launch->plan, data, size, report);
}

// Reads the whole plan once before anything is done, so that a malformed one changes nothing.
static int check_plan(struct launch *launch) {
    struct report *report = &launch->sandbox.report;
    struct plan plan = launch->plan;
    struct plan_step step;
    int more, forks = 0;
    while ((more = plan_next(&plan, &step, report)) > 0) {
        if (launch->command.arguments != NULL) {
            errno = EBADMSG;
            return report_fail(report, "plan: a step behind exec");
        }
        if ((step.op == OP_INIT || step.op == OP_PROCESS) && ++forks > 1) {
            errno = EBADMSG;
            return report_fail(report, "plan: a second init or process step");
        }
        if (step.op != OP_EXEC) continue;
        launch->command.arguments = string_array(&step.values[0]);
        launch->command.environment = string_array(&step.values[1]);
        if (launch->command.arguments == NULL || launch->command.environment == NULL) {
            return report_fail(report, "plan: command of %u arguments", step.values[0].count);
        }
    }
    if (more < 0) return -1;
    if (launch->command.arguments == NULL || launch->command.arguments[0] == NULL) {
        errno = EBADMSG;
        return report_fail(report, "plan: no command");
    }
    return 0;
}

static const char *search_path(char **environment) {
    for (char **entry = environment; *entry != NULL; entry++) {
        if (strncmp(*entry, "PATH=", 5) == 0) return *entry + 5;
    }
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

// "No such file" is the kernel's answer also where the file is there and its interpreter, or its
// dynamic loader, is not. Only here can the two be told apart.
static void execute_file(const char *path, const struct command *command) {
    execve(path, command->arguments, command->environment);
    if (errno == ENOENT && access(path, F_OK) == 0) errno = ELIBACC;
}

// execvp(3) in the container's PATH, without its fallback to a shell. EACCES of one directory does
// not end the search but is the answer where nothing better is found.
static void execute_from_path(const struct command *command) {
    const char *name = command->arguments[0];
    int denied = 0;
    for (const char *at = search_path(command->environment); at != NULL;) {
        const char *end = strchrnul(at, ':');
        char path[4096];
        size_t length = (size_t)(end - at);
        if (length + strlen(name) + 2 <= sizeof path) {
            memcpy(path, at, length);
            if (length > 0) path[length++] = '/';
            strcpy(path + length, name);
            execute_file(path, command);
            if (errno == EACCES) denied = 1;
            if (errno != EACCES && errno != ENOENT && errno != ENOTDIR) return;
        }
        at = *end == ':' ? end + 1 : NULL;
    }
    errno = denied ? EACCES : ENOENT;
}

// Tells the supervisor through the socket, and a later one, should this one be dead, through the
// file. Returns -1 with errno where one that is alive cannot be told.
static int announce(struct report *report, enum report_kind kind) {
    sigset_t broken_pipe, before;
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    // A dead supervisor's socket is nothing to die of.
    sigprocmask(SIG_BLOCK, &broken_pipe, &before);
    int error = report_send(INIT_REPORT, report, kind) < 0 ? errno : 0;
    sigtimedwait(&broken_pipe, NULL, &(struct timespec){0});
    sigprocmask(SIG_SETMASK, &before, NULL);
    while (pwrite(INIT_EXIT, report, sizeof *report, 0) < 0 && errno == EINTR) {
    }
    errno = error;
    return error != 0 && error != EPIPE ? -1 : 0;
}

static int execute_command(struct launch *launch) {
    struct report *report = &launch->sandbox.report;
    // What the supervisor ignores, Python's SIGPIPE above all, the command must not.
    struct sigaction standard = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
    if (k_close_range(INIT_PLAN, ~0U, K_CLOSE_RANGE_CLOEXEC) < 0) {
        return report_fail(report, "close the descriptors of init");
    }
    // One who is not told would take this for a failed start, and try once more.
    if (announce(report, REPORT_EXECUTING) < 0) return report_fail(report, "report the start");
    sigprocmask(SIG_SETMASK, &launch->inherited, NULL);

    if (strchr(launch->command.arguments[0], '/') != NULL) {
        execute_file(launch->command.arguments[0], &launch->command);
    } else {
        execute_from_path(&launch->command);
    }
    return report_fail(report, "execute %s", launch->command.arguments[0]);
}

static void run_steps(struct launch *launch);

static void command_process(void *argument) {
    struct launch *launch = argument;
    run_steps(launch);
    announce(&launch->sandbox.report, REPORT_FAILED);
    launch->failed = 1;
    _exit(EXIT_SETUP_FAILED);
}

// Reaps whatever has ended. Returns 1 with `status` filled once the command itself has.
static int reap(pid_t command, int *status) {
    int ended = 0, current;
    pid_t pid;
    while ((pid = waitpid(-1, &current, WNOHANG)) > 0) {
        if (pid != command) continue;
        *status = current;
        ended = 1;
    }
    return ended;
}

// Ends whatever the command has left running and reaps it, so that its last writes are in the pipes
// and its processor time is in the record.
static void end_the_others(void) {
    kill(-1, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR) {
    }
}

// The write end of the command's input, if it is held here; -1 where it is not.
static int held_input(void) {
    for (int fd = INIT_HOLD;; fd++) {
        int flags = fcntl(fd, F_GETFL);
        if (flags < 0 || (flags & O_ACCMODE) == O_WRONLY) return flags < 0 ? -1 : fd;
    }
}

// Lets go of the input once somebody has taken away the right to write to it: so he says that no
// more is to come, and however he ends after that, it stays said.
static int look_after_input(int input) {
    struct stat status;
    if (input < 0 || fstat(input, &status) < 0 || (status.st_mode & 0222) != 0) return input;
    close(input);
    return -1;
}

// PID 1 until the command ends. Everything else in the container dies then.
__attribute__((noreturn)) static void supervise(pid_t command, const sigset_t *all,
                                                struct relay *relay, struct exit_record *record,
                                                int64_t started_boot) {
    int status, input = relay->on ? -1 : held_input();
    for (;;) {
        relay_until_woken(relay);
        input = look_after_input(input);
        siginfo_t info;
        int number = sigwaitinfo(all, &info);
        if (number == SIGCHLD) {
            if (reap(command, &status)) break;
        } else if (number > 0) {
            kill(command, number);
        }
    }
    if (input >= 0) close(input);
    ending_note(record, status, started_boot);
    end_the_others();
    struct rusage usage = {0};
    getrusage(RUSAGE_CHILDREN, &usage);
    ending_write(record, &usage);
    relay_finish(relay);
    ending_wait_for_reader();
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

// PID 1 needs to signal a command of any user, and nothing more.
static int shed_privileges(struct sandbox *sandbox) {
    if (privileges_no_new(sandbox) < 0) return -1;
    return privileges_capabilities(sandbox, 1ULL << CAP_KILL);
}

static int start_command(struct launch *launch, const sigset_t *all) {
    static char stack[CHILD_STACK] __attribute__((aligned(64)));
    if (getpid() != 1) {  // it ends all others in its namespace, which must be the container's
        errno = EINVAL;
        return report_fail(&launch->sandbox.report, "stay as PID 1 of the host's processes");
    }
    if (launch->sandbox.relay.on) {
        int signals = signalfd(-1, all, SFD_CLOEXEC | SFD_NONBLOCK);
        if (signals < 0) {
            return report_fail(&launch->sandbox.report, "wait for signals and a terminal");
        }
        relay_begin(&launch->sandbox.relay, signals);
    }
    struct exit_record record = {.started_ns = ending_now(CLOCK_REALTIME)};
    int64_t started_boot = ending_now(CLOCK_BOOTTIME);
    struct k_clone_args args = {
        .flags = K_CLONE_VM | K_CLONE_VFORK,
        .exit_signal = SIGCHLD,
        .stack = (uint64_t)stack,
        .stack_size = sizeof stack,
    };
    long pid = k_clone3(&args, command_process, launch);
    if (pid < 0) {
        errno = (int)-pid;
        return report_fail(&launch->sandbox.report, "start the command's process");
    }
    if (launch->failed) _exit(EXIT_SETUP_FAILED);  // the child has reported
    if (shed_privileges(&launch->sandbox) < 0) return -1;
    close(launch->sandbox.root);
    close(launch->sandbox.blank);
    // End-of-file on the output pipes must mean that the command's last writer is gone, and
    // end-of-file on the report socket that the command runs: that one goes last.
    for (int fd = INIT_STDIN; fd <= INIT_REPORT; fd++) close(fd);
    supervise((pid_t)pid, all, &launch->sandbox.relay, &record, started_boot);
}

// The supervisor's own child, which it knows by a pidfd from before it does anything.
static void sibling_process(void *argument) {
    struct launch *launch = argument;
    int self = k_pidfd_open(getpid());
    if (self < 0 || report_send_descriptor(INIT_REPORT, REPORT_PROCESS, self) < 0) {
        report_fail(&launch->sandbox.report, "hand the command's process out");
        announce(&launch->sandbox.report, REPORT_FAILED);
        _exit(EXIT_SETUP_FAILED);
    }
    close(self);
    command_process(launch);
}

// In a container that has been joined only a child is in the namespace of processes. As a sibling
// of this process it leaves nothing for anybody to wait for but itself.
static int start_sibling(struct launch *launch) {
    static char stack[CHILD_STACK] __attribute__((aligned(64)));
    struct k_clone_args args = {
        .flags = K_CLONE_VM | K_CLONE_VFORK | K_CLONE_PARENT,
        .stack = (uint64_t)stack,
        .stack_size = sizeof stack,
    };
    long pid = k_clone3(&args, sibling_process, launch);
    if (pid < 0) {
        errno = (int)-pid;
        return report_fail(&launch->sandbox.report, "start the command's process");
    }
    _exit(0);  // the child has reported
}

// Carries out the steps that are left. Returns only when one of them failed.
static void run_steps(struct launch *launch) {
    struct plan_step step;
    while (plan_next(&launch->plan, &step, &launch->sandbox.report) > 0) {
        if (step.op == OP_INIT) {
            sigset_t all;
            sigfillset(&all);
            start_command(launch, &all);
            return;
        }
        if (step.op == OP_PROCESS) {
            start_sibling(launch);
            return;
        }
        if (step.op == OP_EXEC) {
            execute_command(launch);
            return;
        }
        if (execute_step(&launch->sandbox, &step) < 0) return;
    }
}

int main(int count, char **arguments) {
    if (count == HOLDER_ARGUMENTS) return holder_run(arguments);
    struct launch launch = {
        .sandbox = {.root = -1, .blank = -1, .report = {.step = REPORT_NO_STEP}}};
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigemptyset(&launch.inherited);
    umask(0);
    prctl(PR_SET_NAME, "init", 0, 0, 0);  // it would be called after its memory file
    // Nothing in the container may look into this process or open its program through /proc.
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (map_plan(&launch) == 0 && check_plan(&launch) == 0) run_steps(&launch);
    announce(&launch.sandbox.report, REPORT_FAILED);
    return EXIT_SETUP_FAILED;
}
