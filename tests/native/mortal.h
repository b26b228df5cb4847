// System calls of a pump that can be killed before and after each: include it before logpump.c.
#pragma once

#include <fcntl.h>
#include <setjmp.h>
#include <sys/types.h>
#include <unistd.h>

static jmp_buf killed;
static int calls, kill_at;  // the call at which to die; 0: never

static void kill_point(void) {
    if (++calls == kill_at) longjmp(killed, 1);
}

static ssize_t played_tee(int from, int to, size_t size, unsigned flags) {
    kill_point();
    ssize_t result = tee(from, to, size, flags);
    kill_point();
    return result;
}

static ssize_t played_read(int fd, void *data, size_t size) {
    kill_point();
    ssize_t result = read(fd, data, size);
    kill_point();
    return result;
}
