// sources: native/logframe.c
//
// Round trip: input framed in pieces of any size, into room of any size, reads back as it was.
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "logframe.h"
#include "logframe_text.h"

enum { TOTAL = 64 * 1024 };

// Frames one piece as often as it takes; each turn has room for one record of any size or a bit
// more. Returns the bytes written.
static size_t frame_piece(const char prefix[LOGFRAME_PREFIX], const char *in, size_t size,
                          size_t extra, char *out) {
    size_t used = 0, written = 0, room = LOGFRAME_RECORD + extra;
    bool open = false;
    char *buffer = malloc(room);
    while (used < size) {
        size_t consumed;
        size_t now = logframe(prefix, in + used, size - used, buffer, room, &consumed, &open);
        assert(now > 0 && consumed > 0 && now <= logframe_bound(consumed));
        memcpy(out + written, buffer, now);
        written += now;
        used += consumed;
    }
    assert(open == (size > 0 && in[size - 1] != '\n'));
    free(buffer);
    return written;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    // Not from malloc: clearing and guarding megabytes would take most of the time.
    static char whole[TOTAL], back[TOTAL], text[TOTAL * (LOGFRAME_PREFIX + 2)];
    if (size < 4 || size > TOTAL / 2) return 0;
    // Where to cut: steps that follow from the first bytes.
    uint32_t random;
    memcpy(&random, data, sizeof random);
    const char *in = (const char *)data + sizeof random;
    size -= sizeof random;
    // A long line needs more bytes than the fuzzer likes to make: repeat the input sometimes.
    size_t times = random % 8 == 0 ? TOTAL / 2 / (size + 1) + 1 : 1, total = size * times;
    for (size_t i = 0; i < times; i++) memcpy(whole + i * size, in, size);

    char prefix[LOGFRAME_PREFIX];
    logframe_prefix(prefix, (struct timespec){.tv_sec = random, .tv_nsec = random % 1000000000},
                    random & 1);
    size_t at = 0, written = 0;
    while (at < total) {
        random = random * 1664525 + 1013904223;
        size_t step = 1 + (random >> 8) % (random & 128 ? 64 : 65536);
        if (step > total - at) step = total - at;
        written += frame_piece(prefix, whole + at, step, random % 512, text + written);
        at += step;
    }
    assert(logframe_text(prefix, text, written, back) == total);
    assert(memcmp(whole, back, total) == 0);
    return 0;
}
