#include "logframe.h"

#include <string.h>

static void digits(char *at, unsigned width, unsigned long value) {
    while (width-- > 0) {
        at[width] = (char)('0' + value % 10);
        value /= 10;
    }
}

void logframe_prefix(char prefix[LOGFRAME_PREFIX], struct timespec when,
                     enum logframe_stream stream) {
    struct tm calendar = {0};
    gmtime_r(&when.tv_sec, &calendar);
    memcpy(prefix, "0000-00-00T00:00:00.000000000Z stdxxx F ", LOGFRAME_PREFIX);
    digits(prefix, 4, (unsigned long)calendar.tm_year + 1900);
    digits(prefix + 5, 2, (unsigned long)calendar.tm_mon + 1);
    digits(prefix + 8, 2, (unsigned long)calendar.tm_mday);
    digits(prefix + 11, 2, (unsigned long)calendar.tm_hour);
    digits(prefix + 14, 2, (unsigned long)calendar.tm_min);
    digits(prefix + 17, 2, (unsigned long)calendar.tm_sec);
    digits(prefix + 20, 9, (unsigned long)when.tv_nsec);
    memcpy(prefix + 34, stream == LOGFRAME_STDERR ? "err" : "out", 3);
}

size_t logframe(const char prefix[LOGFRAME_PREFIX], const char *in, size_t size, char *out,
                size_t capacity, size_t *consumed, bool *open) {
    size_t used = 0, written = 0;
    while (used < size) {
        size_t left = size - used;
        const char *message = in + used;
        size_t searched = left <= LOGFRAME_MESSAGE ? left : LOGFRAME_MESSAGE + 1;
        const char *newline = memchr(message, '\n', searched);
        size_t length = newline != NULL            ? (size_t)(newline - message)
                        : left <= LOGFRAME_MESSAGE ? left
                                                   : LOGFRAME_MESSAGE;
        if (capacity - written < LOGFRAME_PREFIX + length + 1) break;
        char *record = out + written;
        memcpy(record, prefix, LOGFRAME_PREFIX);
        record[LOGFRAME_TAG] = newline != NULL ? 'F' : 'P';
        memcpy(record + LOGFRAME_PREFIX, message, length);
        record[LOGFRAME_PREFIX + length] = '\n';
        written += LOGFRAME_PREFIX + length + 1;
        used += length + (newline != NULL);
        *open = newline == NULL;
    }
    *consumed = used;
    return written;
}
