// The stage that tests/native/test_logpump.c plays on: a pump with real pipes and files, whose
// calls can be made to fail, and at each of which it can die.
#pragma once
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mortal.h"

static int write_error;    // errno for every pwrite from now on; 0: none
static size_t write_room;  // bytes that still fit before write_error

static int played_available(int fd, int *available) {
    kill_point();
    return ioctl(fd, FIONREAD, available);
}

static ssize_t played_pwrite(int fd, const void *data, size_t size, off_t offset) {
    kill_point();
    if (++calls == kill_at) {
        assert(pwrite(fd, data, size / 2, offset) == (ssize_t)(size / 2));
        longjmp(killed, 1);
    }
    if (write_error != 0 && write_room == 0) {
        errno = write_error;
        return -1;
    }
    if (write_error != 0 && size > write_room) size = write_room;
    ssize_t result = pwrite(fd, data, size, offset);
    if (write_error != 0) write_room -= (size_t)result;
    kill_point();
    return result;
}

#define tee played_tee
#define read played_read
#define pwrite played_pwrite
#define ioctl(fd, request, value) played_available(fd, value)
#include "../../native/logpump.c"
#undef tee
#undef read
#undef pwrite
#undef ioctl

enum { CAPTURE = 1 << 20, LIMIT = 20000 };

struct scene {
    struct logpump pump;
    int spool, log;
    int pipes[2][2];       // per stream: read end, write end
    char logged[CAPTURE];  // what rotation has put away
    size_t logged_size;
    char sent[2][CAPTURE];
    size_t sent_size[2];
};

static struct scene scene;

static int memory_file(void) {
    int fd = memfd_create("test", MFD_CLOEXEC);
    assert(fd >= 0);
    return fd;
}

static void open_pump(bool expect_fresh) {
    bool fresh;
    assert(logpump_open(&scene.pump, scene.spool, false, &fresh) == 0);
    assert(fresh == expect_fresh);
}

static void set_scene(void) {
    calls = kill_at = write_error = 0;
    write_room = 0;
    scene.logged_size = scene.sent_size[0] = scene.sent_size[1] = 0;
    scene.spool = memory_file();
    scene.log = memory_file();
    for (int stream = 0; stream < 2; stream++) {
        assert(pipe2(scene.pipes[stream], O_CLOEXEC | O_NONBLOCK) == 0);
    }
    open_pump(true);
}

static void strike_scene(void) {
    logpump_close(&scene.pump);
    close(scene.spool);
    close(scene.log);
    for (int end = 0; end < 4; end++) {
        if (scene.pipes[end / 2][end % 2] >= 0) close(scene.pipes[end / 2][end % 2]);
    }
}

static void send(int stream, const char *data, size_t size) {
    assert(write(scene.pipes[stream][1], data, size) == (ssize_t)size);
    memcpy(scene.sent[stream] + scene.sent_size[stream], data, size);
    scene.sent_size[stream] += size;
}

// Puts the full log away; the next one starts empty.
static void rotate(void) {
    kill_point();
    off_t size = lseek(scene.log, 0, SEEK_END);
    assert(size <= LIMIT);
    assert(pread(scene.log, scene.logged + scene.logged_size, (size_t)size, 0) == size);
    scene.logged_size += (size_t)size;
    close(scene.log);
    scene.log = memory_file();
    kill_point();
    logpump_place(&scene.pump, 0, logpump_state(&scene.pump)->open);
}

static enum logpump_outcome pump_all(int stream) {
    enum logpump_outcome outcome;
    do {
        size_t count;
        outcome = logpump_run(&scene.pump, stream, scene.pipes[stream][0], scene.log, LIMIT,
                              LOGPUMP_BATCH, &count);
        if (outcome == LOGPUMP_FULL) rotate();
    } while (outcome == LOGPUMP_FULL || outcome == LOGPUMP_MORE);
    return outcome;
}

// What a new supervisor does with a log and a spool that it finds.
static void restart(void) {
    logpump_close(&scene.pump);
    open_pump(false);
    uint64_t size = (uint64_t)lseek(scene.log, 0, SEEK_END);
    const struct logpump_state *state = logpump_state(&scene.pump);
    if (state->offset > size) logpump_place(&scene.pump, size, state->open);
    while (logpump_flush(&scene.pump, scene.log, LIMIT) == LOGPUMP_FULL) rotate();
}

// The bytes that one stream's records stand for, over all files; -1 for a text that is torn.
static ssize_t read_back(int stream, char *out) {
    off_t size = lseek(scene.log, 0, SEEK_END);
    assert(pread(scene.log, scene.logged + scene.logged_size, (size_t)size, 0) == size);
    const char *at = scene.logged, *end = scene.logged + scene.logged_size + size;
    size_t length = 0;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (newline == NULL || newline - at < LOGFRAME_PREFIX || at[10] != 'T') return -1;
        if (memcmp(at + 31, stream == 0 ? "stdout " : "stderr ", 7) == 0) {
            size_t message = (size_t)(newline - at) - LOGFRAME_PREFIX;
            memcpy(out + length, at + LOGFRAME_PREFIX, message);
            length += message;
            if (at[LOGFRAME_TAG] == 'F') out[length++] = '\n';
        }
        at = newline + 1;
    }
    return (ssize_t)length;
}

static void expect_all(void) {
    static char back[CAPTURE];
    for (int stream = 0; stream < 2; stream++) {
        ssize_t length = read_back(stream, back);
        assert(length == (ssize_t)scene.sent_size[stream]);
        assert(memcmp(back, scene.sent[stream], (size_t)length) == 0);
    }
}

static void send_lines(int stream, int count, int from) {
    static char text[65536];
    size_t size = 0;
    for (int i = 0; i < count; i++) size += (size_t)sprintf(text + size, "line %d\n", from + i);
    send(stream, text, size);
}
