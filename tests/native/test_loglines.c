// sources: native/logframe.c
//
// The pump as one delivers from it line by line: killed before and after every system call and
// every delivery it loses nothing, and doubles no more than the line that was being delivered. A
// kill is played by leaving the pump with longjmp; the spool is all that the next one finds.
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mortal.h"

#define tee played_tee
#define read played_read
#include "../../native/logpump.c"
#undef tee
#undef read

enum { LINES = 64, LONGEST = 20000 };

struct line {
    size_t size;
    char text[LONGEST];
};

static struct logpump pump;
static int spool, ends[2];
static struct line delivered[LINES];
static int delivered_count;

static void open_pump(bool expect_fresh) {
    bool fresh;
    assert(logpump_open(&pump, spool, true, &fresh) == 0);
    assert(fresh == expect_fresh);
}

static void set_scene(void) {
    calls = kill_at = delivered_count = 0;
    spool = memfd_create("test", MFD_CLOEXEC);
    assert(spool >= 0 && pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
    open_pump(true);
}

static void strike_scene(void) {
    logpump_close(&pump);
    close(spool);
    close(ends[0]);
    close(ends[1]);
}

// Delivers all whole lines and holds the rest.
static void deliver(void) {
    static char text[LOGPUMP_HELD + LOGPUMP_BATCH];
    size_t size = logpump_pending(&pump);
    logpump_copy_pending(&pump, text);
    const char *at = text, *end = text + size, *newline;
    while ((newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        struct line *line = &delivered[delivered_count];
        line->size = (size_t)(newline + 1 - at);
        assert(delivered_count < LINES && line->size <= LONGEST);
        kill_point();
        memcpy(line->text, at, line->size);
        delivered_count++;
        kill_point();
        assert(logpump_delivered(&pump, line->size) == 0);
        kill_point();
        at = newline + 1;
    }
    assert(logpump_hold(&pump) == 0);
    kill_point();
}

static void take_all(void) {
    size_t taken;
    while (logpump_take(&pump, LOGFRAME_STDOUT, ends[0], &taken) == LOGPUMP_MORE) deliver();
}

static const char *const pieces[] = {"one\ntw", "o", "\n\nthree\n", "fo", "ur\nfive\n"};
static const char *const expected[] = {"one\n", "two\n", "\n", "three\n", "four\n", "five\n"};
enum { PIECES = 5, EXPECTED = 6 };

// Plays the pieces with a death at call `death`. Returns whether it was reached.
static bool story(int death) {
    set_scene();
    kill_at = death;
    volatile int piece = 0;
    volatile bool died = false;
    if (setjmp(killed) != 0) {
        died = true;
        kill_at = 0;
        logpump_close(&pump);
        open_pump(false);
        take_all();
    }
    while (piece < PIECES) {
        const char *text = pieces[piece++];
        assert(write(ends[1], text, strlen(text)) == (ssize_t)strlen(text));
        take_all();
    }
    int doubled = 0;
    for (int i = 0, line = 0; i < delivered_count; i++, line++) {
        const struct line *got = &delivered[i];
        if (i > 0 && got->size == got[-1].size && memcmp(got->text, got[-1].text, got->size) == 0) {
            doubled++;
            line--;
        }
        assert(got->size == strlen(expected[line]));
        assert(memcmp(got->text, expected[line], got->size) == 0);
    }
    assert(doubled <= died && delivered_count - doubled == EXPECTED);
    strike_scene();
    return died;
}

static void nothing_is_lost_by_a_kill(void) {
    int death = 1;
    while (story(death)) death++;
    assert(death > 40);
}

static void what_is_held_is_bounded(void) {
    static char text[LOGPUMP_HELD + 1];
    size_t taken;
    set_scene();
    memset(text, 'x', sizeof text);
    assert(write(ends[1], text, sizeof text) == sizeof text);
    assert(logpump_take(&pump, LOGFRAME_STDOUT, ends[0], &taken) == LOGPUMP_MORE);
    assert(taken == sizeof text && logpump_pending(&pump) == sizeof text);
    assert(logpump_hold(&pump) < 0);
    assert(logpump_delivered(&pump, 1) == 0);
    assert(logpump_hold(&pump) == 0 && logpump_pending(&pump) == LOGPUMP_HELD);
    strike_scene();
}

static void what_was_not_pending_cannot_be_delivered(void) {
    size_t taken;
    set_scene();
    assert(logpump_delivered(&pump, 1) < 0);
    assert(write(ends[1], "held", 4) == 4);
    take_all();
    assert(logpump_delivered(&pump, 3) < 0);
    assert(write(ends[1], "more", 4) == 4);
    assert(logpump_take(&pump, LOGFRAME_STDOUT, ends[0], &taken) == LOGPUMP_MORE && taken == 4);
    assert(logpump_take(&pump, LOGFRAME_STDOUT, ends[0], &taken) == LOGPUMP_MORE && taken == 0);
    assert(logpump_delivered(&pump, 9) < 0);
    assert(logpump_delivered(&pump, 8) == 0 && logpump_pending(&pump) == 0);
    assert(logpump_take(&pump, LOGFRAME_STDOUT, ends[0], &taken) == LOGPUMP_DRAINED);
    strike_scene();
}

static void dropped_bytes_are_counted_with_those_held(void) {
    size_t taken;
    set_scene();
    assert(write(ends[1], "begun", 5) == 5);
    take_all();
    assert(write(ends[1], " and\nlost", 9) == 9);
    assert(logpump_take(&pump, LOGFRAME_STDOUT, ends[0], &taken) == LOGPUMP_MORE);
    logpump_drop(&pump, -1);
    logpump_drop(&pump, -1);
    const struct logpump_state *state = logpump_state(&pump);
    assert(state->lost_bytes == 14 && state->lost_lines == 1 && logpump_pending(&pump) == 0);
    strike_scene();
}

static void a_spool_without_room_for_lines_holds_none(void) {
    bool fresh;
    set_scene();
    assert(write(ends[1], "held", 4) == 4);
    take_all();
    logpump_close(&pump);
    // What is held is not there for one that maps less: to that one it is no spool.
    assert(logpump_open(&pump, spool, false, &fresh) == 0 && fresh);
    assert(write(ends[1], "x", 1) == 1);
    size_t taken;
    assert(logpump_take(&pump, LOGFRAME_STDOUT, ends[0], &taken) == LOGPUMP_MORE);
    assert(logpump_hold(&pump) < 0);
    strike_scene();
}

int main(void) {
    nothing_is_lost_by_a_kill();
    what_is_held_is_bounded();
    what_was_not_pending_cannot_be_delivered();
    dropped_bytes_are_counted_with_those_held();
    a_spool_without_room_for_lines_holds_none();
    return 0;
}
