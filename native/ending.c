#include "ending.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init.h"

enum {
    FIRST_PAUSE_NS = 50 * 1000,
    LONGEST_PAUSE_NS = 100 * 1000 * 1000,
};

int64_t ending_now(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int64_t microseconds(struct timeval time) { return time.tv_sec * 1000000LL + time.tv_usec; }

void ending_note(struct exit_record *record, int status, int64_t started_boot) {
    record->magic = EXIT_RECORD_MAGIC;
    record->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    record->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    record->core_dumped = WIFSIGNALED(status) && WCOREDUMP(status);
    record->ended_ns = ending_now(CLOCK_REALTIME);
    record->elapsed_ns = ending_now(CLOCK_BOOTTIME) - started_boot;
}

void ending_write(struct exit_record *record, const struct rusage *usage) {
    record->user_us = microseconds(usage->ru_utime);
    record->system_us = microseconds(usage->ru_stime);
    record->max_rss_kb = usage->ru_maxrss;
    record->checksum = crc32_of(record, offsetof(struct exit_record, checksum));
    while (pwrite(INIT_EXIT, record, sizeof *record, 0) < 0 && errno == EINTR) {
    }
}

bool ending_nobody_reads(int pipe) {
    struct stat status;
    return fstat(pipe, &status) == 0 && status.st_nlink == 0;
}

static bool output_is_left(void) {
    int bytes;
    for (int fd = INIT_HOLD;; fd++) {
        // Behind the last pipe there is nothing, or no pipe; whoever cannot tell stays.
        if (ioctl(fd, FIONREAD, &bytes) < 0) return errno != EBADF && errno != ENOTTY;
        if (bytes > 0 && !ending_nobody_reads(fd)) return true;
    }
}

void ending_wait_for_reader(void) {
    struct timespec pause = {.tv_nsec = FIRST_PAUSE_NS};
    while (output_is_left()) {
        nanosleep(&pause, NULL);
        if (pause.tv_nsec < LONGEST_PAUSE_NS) pause.tv_nsec *= 2;
    }
}
