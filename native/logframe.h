// Framing of a job's output as records of the CRI log format, one line of text each:
//
//     2024-01-02T03:04:05.123456789Z stdout F message
//
// `F` says that the job ended the message with a newline, `P` that it did not: the message goes on
// in the stream's next record, or the stream ended there. So the exact bytes come back from the
// records of one stream: each message, and a newline behind every F. Messages are taken as they
// are, NUL bytes and invalid UTF-8 included; only the newline has a meaning.
//
// Guarantees: the records depend on nothing but the prefix and the input, so that framing the same
// bytes again gives the same records; a record is written whole or not at all; a message is never
// longer than LOGFRAME_MESSAGE bytes (a longer line becomes several P and a last F). Input that
// ends in mid-line gives a P at once, so nothing is held back waiting for a newline. All records
// of one call carry the same time, that of the read that brought the bytes.
//
// Pure: no system calls but for the calendar, no state, no allocation.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum {
    LOGFRAME_PREFIX = 40,
    LOGFRAME_TAG = 38,  // the place of F or P in a prefix
    LOGFRAME_MESSAGE = 16 * 1024,
    LOGFRAME_RECORD = LOGFRAME_PREFIX + LOGFRAME_MESSAGE + 1,
};

enum logframe_stream { LOGFRAME_STDOUT, LOGFRAME_STDERR, LOGFRAME_STREAMS };

// Fills `prefix` (no NUL behind it) for records of `stream` at `when`; its tag is set per record.
void logframe_prefix(char prefix[LOGFRAME_PREFIX], struct timespec when,
                     enum logframe_stream stream);

// Frames `in` into `out` until the input is used up or the next record does not fit.
// Returns the bytes written; `consumed` is the input that they stand for, and `open` whether the
// last of them is a P. With nothing written, `open` is left as it was.
size_t logframe(const char prefix[LOGFRAME_PREFIX], const char *in, size_t size, char *out,
                size_t capacity, size_t *consumed, bool *open);

// Output bytes that `size` bytes of input need at most: every byte of them a newline.
static inline size_t logframe_bound(size_t size) {
    return size == 0 ? 0 : size * (LOGFRAME_PREFIX + 1) + 1;
}
