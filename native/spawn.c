// Between clone3 and exec the child shares the caller's memory, so it does three things only:
// join cgroups by writing to open files, put descriptors in place, execute `init`. Signal handlers
// are reset by the kernel (CLONE_CLEAR_SIGHAND) and all signals stay blocked; `init` sees to both.
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "syscalls.h"

enum { CHILD_STACK = 32 * 1024, SPAWN_FAILED = 125 };

struct child {
    const struct spawn_request *request;
    struct spawn_result *result;
};

static int fail(struct spawn_result *result, enum spawn_stage stage, size_t position) {
    result->error = errno;
    result->stage = stage;
    result->position = position;
    return -1;
}

// `0` means the writer itself, and in `tasks` (not `cgroup.procs`) it moves one thread, for which
// the kernel takes no global lock.
static int attach(const struct spawn_request *request, struct spawn_result *result) {
    for (size_t i = 0; i < request->attach_count; i++) {
        if (write(request->attach[i], "0", 1) != 1) return fail(result, SPAWN_ATTACH, i);
    }
    return 0;
}

// First everything out of the way of the final numbers, then into place; duplicates made by dup2
// are the only descriptors that survive exec. The program's descriptor is returned.
static int place_descriptors(const struct spawn_request *request, struct spawn_result *result) {
    int count = (int)request->descriptor_count;
    int program = fcntl(request->program, F_DUPFD_CLOEXEC, count);
    if (program < 0) return fail(result, SPAWN_DESCRIPTORS, 0);
    int moved[64];
    for (int i = 0; i < count; i++) {
        int source = request->descriptors[i];
        moved[i] = source >= count ? source : fcntl(source, F_DUPFD_CLOEXEC, count);
        if (moved[i] < 0) return fail(result, SPAWN_DESCRIPTORS, (size_t)i);
    }
    for (int i = 0; i < count; i++) {
        if (dup2(moved[i], i) < 0) return fail(result, SPAWN_DESCRIPTORS, (size_t)i);
    }
    // Descriptors that somebody in this process left inheritable stop here.
    if (k_close_range((unsigned)count, ~0U, K_CLOSE_RANGE_CLOEXEC) < 0) {
        return fail(result, SPAWN_DESCRIPTORS, 0);
    }
    return program;
}

static void child_process(void *argument) {
    struct child *child = argument;
    if (attach(child->request, child->result) == 0) {
        int program = place_descriptors(child->request, child->result);
        if (program >= 0) {
            char *arguments[] = {"init", NULL};
            char *environment[] = {NULL};
            syscall(SYS_execveat, program, "", arguments, environment, AT_EMPTY_PATH);
            fail(child->result, SPAWN_EXECUTE, 0);
        }
    }
    _exit(SPAWN_FAILED);
}

static void reap(pid_t pid) {
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
}

int spawn(const struct spawn_request *request, struct spawn_result *result) {
    *result = (struct spawn_result){.pidfd = -1};
    if (request->descriptor_count > 64) {
        errno = E2BIG;
        return fail(result, SPAWN_DESCRIPTORS, request->descriptor_count);
    }
    char stack[CHILD_STACK] __attribute__((aligned(64)));
    struct child child = {request, result};
    struct k_clone_args args = {
        .flags = request->namespaces | K_CLONE_VM | K_CLONE_VFORK | K_CLONE_PIDFD |
                 K_CLONE_CLEAR_SIGHAND,
        .pidfd = (uint64_t)&result->pidfd,
        .exit_signal = SIGCHLD,
        .stack = (uint64_t)stack,
        .stack_size = sizeof stack,
    };
    if (request->cgroup >= 0) {
        args.flags |= K_CLONE_INTO_CGROUP;
        args.cgroup = (uint64_t)request->cgroup;
    }
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    long pid = k_clone3(&args, child_process, &child);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) {
        errno = (int)-pid;
        return fail(result, SPAWN_CLONE, 0);
    }
    result->pid = (pid_t)pid;
    if (result->error == 0) return 0;
    reap(result->pid);
    close(result->pidfd);
    result->pidfd = -1;
    return -1;
}
