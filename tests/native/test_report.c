// sources: native/report.c
//
// The two records that `init` leaves: the start report, and the checksum of the exit record.
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "exitrecord.h"
#include "report.h"

static void a_failure_keeps_errno_and_says_what_failed(void) {
    struct report report = {.step = 7};
    errno = ENOENT;
    assert(report_fail(&report, "open %s (%d)", "/data", 3) == -1);
    assert(report.error == ENOENT && report.step == 7);
    assert(strcmp(report.detail, "open /data (3)") == 0);
}

static void an_overlong_detail_is_cut(void) {
    char path[REPORT_DETAIL * 2];
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    struct report report = {0};
    errno = EIO;
    report_fail(&report, "open %s", path);
    assert(strlen(report.detail) == REPORT_DETAIL - 1);
    assert(strncmp(report.detail, "open xxx", 8) == 0);
}

static void a_report_is_one_whole_record(void) {
    int ends[2];
    assert(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    struct report sent = {.step = 3}, received;
    errno = EPERM;
    report_fail(&sent, "pivot_root");
    report_send(ends[1], &sent, REPORT_FAILED);
    report_send(ends[1], &sent, REPORT_EXECUTING);
    assert(read(ends[0], &received, sizeof received) == sizeof received);
    assert(received.magic == REPORT_MAGIC && received.kind == REPORT_FAILED);
    assert(received.step == 3 && received.error == EPERM);
    assert(strcmp(received.detail, "pivot_root") == 0);
    assert(read(ends[0], &received, sizeof received) == sizeof received);
    assert(received.kind == REPORT_EXECUTING);
    assert(read(ends[0], &received, 1) == -1 && errno == EAGAIN);
    close(ends[0]);
    close(ends[1]);
}

static void a_report_that_nobody_reads_does_no_harm(void) {
    int ends[2];
    assert(pipe2(ends, O_CLOEXEC) == 0);
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN);
    struct report report = {0};
    report_send(ends[1], &report, REPORT_FAILED);
    close(ends[1]);
    report_send(ends[1], &report, REPORT_FAILED);
}

static void the_checksum_is_the_well_known_one(void) {
    assert(crc32_of("", 0) == 0);
    assert(crc32_of("123456789", 9) == 0xcbf43926);
}

static void a_changed_record_has_another_checksum(void) {
    struct exit_record record = {.magic = EXIT_RECORD_MAGIC, .code = 3, .signal = 0};
    const size_t size = offsetof(struct exit_record, checksum);
    uint32_t checksum = crc32_of(&record, size);
    for (size_t bit = 0; bit < size * 8; bit++) {
        unsigned char *byte = (unsigned char *)&record + bit / 8;
        *byte ^= (unsigned char)(1 << bit % 8);
        assert(crc32_of(&record, size) != checksum);
        *byte ^= (unsigned char)(1 << bit % 8);
    }
    assert(crc32_of(&record, size) == checksum);
}

int main(void) {
    a_failure_keeps_errno_and_says_what_failed();
    an_overlong_detail_is_cut();
    a_report_is_one_whole_record();
    a_report_that_nobody_reads_does_no_harm();
    the_checksum_is_the_well_known_one();
    a_changed_record_has_another_checksum();
    return 0;
}
