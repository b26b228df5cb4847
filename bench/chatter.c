// A job with something to say: 72-byte lines to standard output.
//
//     chatter CORE flood BYTES    as fast as they are taken, many at once
//     chatter CORE pace RATE      RATE lines a second, one by one, without end
//
// It stays on the given core, so that whoever reads it has another one to itself; -1 is any.
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 72, BLOCK = 910 * LINE };  // about what a pipe holds by default

static char block[BLOCK];

static void write_all(size_t size) {
    for (size_t done = 0; done < size;) {
        ssize_t now = write(STDOUT_FILENO, block + done, size - done);
        if (now < 0) exit(1);
        done += (size_t)now;
    }
}

static void flood(long long bytes) {
    for (; bytes > BLOCK; bytes -= BLOCK) write_all(BLOCK);
    write_all((size_t)bytes);
}

static void pace(long rate) {
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    for (;;) {
        next.tv_nsec += 1000000000 / rate;
        if (next.tv_nsec >= 1000000000) {
            next.tv_sec++;
            next.tv_nsec -= 1000000000;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
        write_all(LINE);
    }
}

int main(int count, char **words) {
    if (count != 4) return 2;
    if (strcmp(words[1], "-1") != 0) {
        cpu_set_t cores;
        CPU_ZERO(&cores);
        CPU_SET((size_t)atoi(words[1]), &cores);
        if (sched_setaffinity(0, sizeof cores, &cores) < 0) return 1;
    }
    memset(block, 'x', sizeof block);
    for (size_t end = LINE - 1; end < sizeof block; end += LINE) block[end] = '\n';
    if (strcmp(words[2], "flood") == 0) {
        flood(atoll(words[3]));
    } else {
        pace(atol(words[3]));
    }
    return 0;
}
