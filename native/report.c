#include "report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int report_fail(struct report *report, const char *format, ...) {
    report->error = errno;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report->detail, sizeof report->detail, format, arguments);
    va_end(arguments);
    return -1;
}

int report_send(int fd, struct report *report, enum report_kind kind) {
    report->magic = REPORT_MAGIC;
    report->kind = kind;
    ssize_t written;
    do {
        written = write(fd, report, sizeof *report);
    } while (written < 0 && errno == EINTR);
    return written < 0 ? -1 : 0;
}

int report_send_descriptor(int fd, enum report_kind kind, int descriptor) {
    struct report report = {.magic = REPORT_MAGIC, .kind = kind, .step = REPORT_NO_STEP};
    struct iovec content = {.iov_base = &report, .iov_len = sizeof report};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof descriptor)];
    } control = {0};
    struct msghdr message = {
        .msg_iov = &content,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes,
    };
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof descriptor);
    memcpy(CMSG_DATA(rights), &descriptor, sizeof descriptor);
    ssize_t sent;
    do {
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -1 : 0;
}
