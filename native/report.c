#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int report_fail(struct report *report, const char *format, ...) {
    report->error = errno;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report->detail, sizeof report->detail, format, arguments);
    va_end(arguments);
    return -1;
}

void report_send(int fd, struct report *report, enum report_kind kind) {
    report->magic = REPORT_MAGIC;
    report->kind = kind;
    ssize_t written;
    do {
        written = write(fd, report, sizeof *report);
    } while (written < 0 && errno == EINTR);
}
