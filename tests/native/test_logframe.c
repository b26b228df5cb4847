// sources: native/logframe.c
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "logframe.h"
#include "logframe_text.h"

static const struct timespec moment = {.tv_sec = 1704164645, .tv_nsec = 123456789};

static char prefix[LOGFRAME_PREFIX];

// Frames `in` and expects `text`, with `{` in place of the prefix up to its tag.
static void expect(const char *in, size_t size, const char *text, bool open) {
    char out[4096], wanted[4096];
    size_t length = 0, consumed;
    for (; *text != '\0'; text++) {
        if (*text == '{') {
            memcpy(wanted + length, prefix, LOGFRAME_TAG);
            length += LOGFRAME_TAG;
        } else {
            wanted[length++] = *text == '0' ? '\0' : *text;
        }
    }
    bool now_open = !open;
    size_t written = logframe(prefix, in, size, out, sizeof out, &consumed, &now_open);
    assert(consumed == size);
    assert(written == length && memcmp(out, wanted, length) == 0);
    assert(size == 0 || now_open == open);
}

static void prefixes_are_exact(void) {
    assert(memcmp(prefix, "2024-01-02T03:04:05.123456789Z stdout F ", LOGFRAME_PREFIX) == 0);
    char other[LOGFRAME_PREFIX];
    logframe_prefix(other, (struct timespec){0}, LOGFRAME_STDERR);
    assert(memcmp(other, "1970-01-01T00:00:00.000000000Z stderr F ", LOGFRAME_PREFIX) == 0);
    // The last second of a leap day.
    logframe_prefix(other, (struct timespec){.tv_sec = 1709251199, .tv_nsec = 999999999},
                    LOGFRAME_STDERR);
    assert(memcmp(other, "2024-02-29T23:59:59.999999999Z stderr F ", LOGFRAME_PREFIX) == 0);
}

static void lines_are_tagged(void) {
    expect("", 0, "", false);
    expect("one\n", 4, "{F one\n", false);
    expect("one\ntwo", 7, "{F one\n{P two\n", true);
    expect("\n\n", 2, "{F \n{F \n", false);
    expect("a\0b\xff\n", 5, "{F a0b\xff\n", false);
}

// A line of `length` bytes comes as pieces of at most LOGFRAME_MESSAGE, and back as it was.
static void long_line(size_t length, bool ended, size_t pieces) {
    size_t size = length + ended, bound = logframe_bound(size), consumed;
    char *in = malloc(size), *out = malloc(bound), *back = malloc(size);
    memset(in, 'x', length);
    if (ended) in[length] = '\n';
    bool open = false;
    size_t written = logframe(prefix, in, size, out, bound, &consumed, &open);
    assert(consumed == size && open == !ended);
    assert(written == length + pieces * (LOGFRAME_PREFIX + 1));
    assert(logframe_text(prefix, out, written, back) == size && memcmp(in, back, size) == 0);
    free(in);
    free(out);
    free(back);
}

static void long_lines_are_split(void) {
    long_line(LOGFRAME_MESSAGE, true, 1);
    long_line(LOGFRAME_MESSAGE, false, 1);
    long_line(LOGFRAME_MESSAGE + 1, true, 2);
    long_line(LOGFRAME_MESSAGE * 2, true, 2);
    long_line(LOGFRAME_MESSAGE * 64 + 5, false, 65);
}

// Whatever the room for output, whole records come, and the same ones.
static void records_do_not_depend_on_the_room(void) {
    const char in[] = "first\n\nthird line\nrest";
    const size_t size = sizeof in - 1;
    char whole[512];
    size_t consumed;
    bool open;
    size_t length = logframe(prefix, in, size, whole, sizeof whole, &consumed, &open);
    for (size_t room = LOGFRAME_PREFIX + 11; room < length; room++) {
        char *out = malloc(room), pieces[512];
        size_t used = 0, written = 0;
        while (used < size) {
            size_t now = logframe(prefix, in + used, size - used, out, room, &consumed, &open);
            assert(now > 0);
            memcpy(pieces + written, out, now);
            written += now;
            used += consumed;
        }
        assert(written == length && memcmp(pieces, whole, length) == 0);
        free(out);
    }
}

static void a_record_without_room_is_left(void) {
    char out[LOGFRAME_PREFIX + 3];
    size_t consumed = 99;
    bool open = true;
    assert(logframe(prefix, "abc\n", 4, out, sizeof out, &consumed, &open) == 0);
    assert(consumed == 0 && open);
}

static void the_bound_holds(void) {
    char in[300], *out;
    size_t consumed;
    bool open;
    memset(in, '\n', sizeof in);
    for (size_t size = 0; size < sizeof in; size++) {
        size_t bound = logframe_bound(size);
        out = malloc(bound + 1);
        logframe(prefix, in, size, out, bound, &consumed, &open);
        assert(consumed == size);
        free(out);
    }
    in[299] = 'x';
    out = malloc(logframe_bound(300));
    assert(logframe(prefix, in, 300, out, logframe_bound(300), &consumed, &open) ==
           logframe_bound(300));
    free(out);
}

int main(void) {
    logframe_prefix(prefix, moment, LOGFRAME_STDOUT);
    prefixes_are_exact();
    lines_are_tagged();
    long_lines_are_split();
    records_do_not_depend_on_the_room();
    a_record_without_room_is_left();
    the_bound_holds();
    return 0;
}
