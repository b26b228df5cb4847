// sources: native/logframe.c
//
// The pump on real pipes and files, above all: killed before and after every system call it makes,
// and in the middle of every write, it loses and doubles nothing. A kill is played by leaving the
// pump with longjmp; the spool and the files are all that the next one finds.
#include "pumpscene.h"

// One turn of a busy job; `step` counts through a story that rotates several times.
static void play(int step) {
    static char long_line[40000];
    switch (step) {
        case 0:
            send_lines(0, 200, 0);
            break;
        case 1:
            send(1, "no newline yet", 14);
            break;
        case 2:
            send_lines(0, 700, 200);
            break;
        case 3:
            send(1, " and\0here\xff\n\n\n", 13);
            break;
        case 4:
            memset(long_line, 'y', sizeof long_line);
            send(0, long_line, sizeof long_line);
            break;
        case 5:
            send(0, "\n", 1);
            break;
        case 6:
            send(0, "x", 1);
            break;
    }
}

enum { STEPS = 7 };

// Plays the story with a death at call `death`. Returns whether it was reached.
static bool story(int death) {
    set_scene();
    kill_at = death;
    volatile int step = 0;
    volatile bool died = false;
    if (setjmp(killed) != 0) {
        died = true;
        kill_at = 0;
        restart();
        assert(pump_all(0) == LOGPUMP_DRAINED && pump_all(1) == LOGPUMP_DRAINED);
    }
    while (step < STEPS) {
        play(step++);
        assert(pump_all(0) == LOGPUMP_DRAINED && pump_all(1) == LOGPUMP_DRAINED);
    }
    expect_all();
    strike_scene();
    return died;
}

static void nothing_is_lost_or_doubled_by_a_kill(void) {
    int death = 1;
    while (story(death)) death++;
    assert(death > 100);
}

static void a_read_that_did_not_take_place_is_told_from_one_that_did(void) {
    for (int byte = 0; byte < 256; byte++) {
        char data = (char)byte;
        for (int death = 1; death <= 8; death++) {
            set_scene();
            send(0, &data, 1);
            kill_at = death;
            if (setjmp(killed) == 0) {
                pump_all(0);
            } else {
                kill_at = 0;
                restart();
                pump_all(0);
            }
            expect_all();
            strike_scene();
        }
    }
}

// Sends so many bytes of long lines.
static void send_block(size_t size) {
    static char block[LOGPUMP_WIDE];
    memset(block, 'y', size);
    for (size_t at = 999; at < size; at += 1000) block[at] = '\n';
    send(0, block, size);
}

static void become_fast(void) {
    for (int read = 0; read < LOGPUMP_FAST; read++) {
        assert(scene.pump.capacity == LOGPUMP_BATCH);
        send_block(LOGPUMP_BATCH / 2);
        assert(pump_all(0) == LOGPUMP_DRAINED);
    }
    assert(scene.pump.capacity == LOGPUMP_WIDE);
    assert(fcntl(scene.pipes[0][0], F_GETPIPE_SZ) == LOGPUMP_WIDE);
}

// Dies at call `death` of those that a wide batch takes. Returns whether it was reached.
static bool wide_story(int death) {
    enum { SIZE = 300000 };
    set_scene();
    become_fast();
    send_block(SIZE);
    kill_at = calls + death;
    volatile bool died = false;
    if (setjmp(killed) == 0) {
        assert(pump_all(0) == LOGPUMP_DRAINED);
        assert(logpump_state(&scene.pump)->length == SIZE);
        kill_at = 0;
    } else {
        died = true;
        kill_at = 0;
        restart();
        assert(scene.pump.capacity == LOGPUMP_BATCH);
        assert(pump_all(0) == LOGPUMP_DRAINED);
    }
    expect_all();
    strike_scene();
    return died;
}

static void a_fast_stream_gets_wide_batches(void) {
    int death = 1;
    while (wide_story(death)) death++;
    assert(death > 50);
}

static void a_stream_that_pauses_is_not_fast(void) {
    set_scene();
    for (int read = 0; read < 2 * LOGPUMP_FAST; read++) {
        send_block(read % LOGPUMP_FAST == 1 ? 100 : LOGPUMP_BATCH / 2);
        assert(pump_all(0) == LOGPUMP_DRAINED);
        scene.sent_size[0] = scene.logged_size = 0;
    }
    assert(scene.pump.capacity == LOGPUMP_BATCH);
    strike_scene();
}

static void end_of_file_is_told_after_the_last_byte(void) {
    set_scene();
    send(0, "bye", 3);
    close(scene.pipes[0][1]);
    scene.pipes[0][1] = -1;
    assert(pump_all(0) == LOGPUMP_END);
    assert(logpump_state(&scene.pump)->open == 1);
    expect_all();
    strike_scene();
}

static void a_budget_bounds_a_turn(void) {
    set_scene();
    send_lines(0, 5000, 0);
    size_t count;
    assert(logpump_run(&scene.pump, 0, scene.pipes[0][0], scene.log, 1 << 30, 1, &count) ==
           LOGPUMP_MORE);
    assert(count == scene.sent_size[0] && count > 1);
    strike_scene();
}

static void a_failed_write_keeps_whole_records_and_the_rest(void) {
    set_scene();
    send(0, "one\ntwo\nthree", 13);
    write_error = ENOSPC;
    write_room = 60;  // one record and a torn one
    assert(pump_all(0) == LOGPUMP_FAILED);
    assert(scene.pump.error == ENOSPC);
    assert(logpump_state(&scene.pump)->offset == LOGFRAME_PREFIX + 4);
    write_error = 0;
    assert(pump_all(0) == LOGPUMP_DRAINED);
    expect_all();
    strike_scene();
}

static void dropped_bytes_are_counted_and_their_line_is_closed(void) {
    static char back[CAPTURE];
    set_scene();
    send(0, "begun", 5);
    assert(pump_all(0) == LOGPUMP_DRAINED);
    send(0, " lost\nlost\nlo", 13);
    write_error = ENOSPC;
    write_room = 45;  // a record, and the beginning of one
    assert(pump_all(0) == LOGPUMP_FAILED);
    logpump_drop(&scene.pump, scene.log);
    const struct logpump_state *state = logpump_state(&scene.pump);
    assert(state->lost_bytes == 13 && state->lost_lines == 2);
    assert(lseek(scene.log, 0, SEEK_END) == LOGFRAME_PREFIX + 6);
    write_error = 0;
    restart();  // the counts outlive the supervisor
    assert(logpump_state(&scene.pump)->lost_bytes == 13);
    send(0, "st\nnew\n", 7);
    assert(pump_all(0) == LOGPUMP_DRAINED);
    ssize_t length = read_back(0, back);
    assert(length == 13 && memcmp(back, "begun\nst\nnew\n", 13) == 0);
    logpump_clear_losses(&scene.pump);
    assert(logpump_state(&scene.pump)->lost_lines == 0);
    strike_scene();
}

static void the_newest_text_is_at_hand(void) {
    set_scene();
    send(0, "first\nsecond\n\n", 14);
    pump_all(0);
    assert(scene.pump.last_length == 6 && memcmp(scene.pump.last, "second", 6) == 0);
    send(1, "third", 5);
    pump_all(1);
    assert(scene.pump.last_length == 5 && memcmp(scene.pump.last, "third", 5) == 0);
    strike_scene();
}

static void a_file_that_is_no_spool_is_made_one(void) {
    set_scene();
    logpump_close(&scene.pump);
    assert(pwrite(scene.spool, "garbage!", 8, 0) == 8);
    open_pump(true);
    assert(logpump_state(&scene.pump)->phase == LOGPUMP_IDLE);
    struct logpump_state absurd = {.phase = LOGPUMP_WRITING, .length = LOGPUMP_WIDE + 1};
    scene.pump.spool->states[0] = scene.pump.spool->states[1] = absurd;
    logpump_close(&scene.pump);
    open_pump(true);
    strike_scene();
}

int main(void) {
    nothing_is_lost_or_doubled_by_a_kill();
    a_read_that_did_not_take_place_is_told_from_one_that_did();
    a_fast_stream_gets_wide_batches();
    a_stream_that_pauses_is_not_fast();
    end_of_file_is_told_after_the_last_byte();
    a_budget_bounds_a_turn();
    a_failed_write_keeps_whole_records_and_the_rest();
    dropped_bytes_are_counted_and_their_line_is_closed();
    the_newest_text_is_at_hand();
    a_file_that_is_no_spool_is_made_one();
    return 0;
}
