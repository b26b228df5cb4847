// The records that tell the supervisor why a start failed, or that the command is about to be
// executed, or that bring a descriptor. Fixed size, and each a message of its own, so never torn.
#pragma once

#include <stdarg.h>
#include <stdint.h>

enum report_kind {
    REPORT_NONE = 0,
    REPORT_EXECUTING = 1,  // every step is done; end-of-file after it means that exec succeeded
    REPORT_FAILED = 2,
    REPORT_TERMINAL = 3,  // brings the operator's side of the command's terminal
    REPORT_PROCESS = 4,   // brings a pidfd of the command's process
};

enum { REPORT_MAGIC = 0x504b5252, REPORT_DETAIL = 240, REPORT_NO_STEP = -1 };

struct report {
    uint32_t magic;
    uint32_t kind;
    int32_t step;                // index in the plan, or REPORT_NO_STEP
    int32_t error;               // errno
    char detail[REPORT_DETAIL];  // the operation and object that failed, NUL-terminated
};

_Static_assert(sizeof(struct report) == 256, "the record is written whole and read whole");

// Fills `report` with errno and a formatted detail; returns -1 so that callers can return it.
int report_fail(struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// Sends the record. Returns -1 with errno where that fails; the reader may see end-of-file then.
int report_send(int fd, struct report *report, enum report_kind kind);

// Sends a record of this kind with a descriptor; returns 0, or -1 with errno set.
int report_send_descriptor(int fd, enum report_kind kind, int descriptor);
