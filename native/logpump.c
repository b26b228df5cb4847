#include "logpump.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"

enum { OUTPUT = 2 * LOGPUMP_WIDE };  // on the stack; holds any record, and a batch of common lines

const struct logpump_state *logpump_state(const struct logpump *pump) {
    return &pump->spool->states[pump->spool->sequence & 1];
}

static char *held_of(const struct logpump *pump) { return pump->spool->batch + LOGPUMP_BATCH; }

static void commit(struct logpump *pump, const struct logpump_state *next) {
    struct logpump_spool *spool = pump->spool;
    uint64_t sequence = spool->sequence + 1;
    spool->states[sequence & 1] = *next;
    // The compiler must not move the slot's stores behind this one.
    __atomic_store_n(&spool->sequence, sequence, __ATOMIC_RELEASE);
}

static bool valid(const struct logpump *pump) {
    const struct logpump_spool *spool = pump->spool;
    if (spool->magic != LOGPUMP_MAGIC || spool->version != LOGPUMP_VERSION) return false;
    const struct logpump_state *state = &spool->states[spool->sequence & 1];
    return state->phase < LOGPUMP_PHASES && state->stream < LOGFRAME_STREAMS &&
           state->length <= (pump->holds_lines ? LOGPUMP_BATCH : LOGPUMP_WIDE) &&
           state->done <= state->length && state->nanoseconds < 1000000000 &&
           state->held <= (pump->holds_lines ? LOGPUMP_HELD : 0);
}

static void stamp(struct logpump_state *state) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    state->seconds = now.tv_sec;
    state->nanoseconds = (uint32_t)now.tv_nsec;
}

// Finds out whether the read took place that a kill interrupted.
static void resolve_read(struct logpump *pump) {
    struct logpump_state state = *logpump_state(pump);
    if (state.phase != LOGPUMP_READING) return;
    bool untouched = (uint8_t)pump->spool->batch[0] != state.first;
    state.phase = untouched ? LOGPUMP_IDLE : LOGPUMP_WRITING;
    stamp(&state);
    commit(pump, &state);
}

// A read into a page that is not mapped yet faults, and while a fault waits for a lock that another
// thread holds, a kill ends it: the read takes only a part, and nobody would know how much.
static void touch_pages(struct logpump *pump) {
    for (size_t at = 0; at < LOGPUMP_BATCH; at += 4096) {
        __atomic_fetch_or(&pump->spool->batch[at], 0, __ATOMIC_RELAXED);
    }
    __atomic_fetch_or(&pump->spool->batch[LOGPUMP_BATCH - 1], 0, __ATOMIC_RELAXED);
}

int logpump_open(struct logpump *pump, int fd, bool holds_lines, bool *fresh) {
    *pump =
        (struct logpump){.peek = {-1, -1}, .holds_lines = holds_lines, .capacity = LOGPUMP_BATCH};
    off_t used = offsetof(struct logpump_spool, batch) + LOGPUMP_BATCH;
    if (holds_lines) used += LOGPUMP_HELD;
    // Every page is there before the first batch: a full file system shows here, not as SIGBUS.
    int failed = posix_fallocate(fd, 0, used);
    if (failed != 0) {
        errno = failed;
        return -1;
    }
    // Without pages of their own, the bytes behind those are only a promise (see `widen`).
    if (ftruncate(fd, sizeof *pump->spool) < 0) return -1;
    if (pipe2(pump->peek, O_CLOEXEC | O_NONBLOCK) < 0) return -1;
    void *memory = mmap(NULL, sizeof *pump->spool, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        logpump_close(pump);
        return -1;
    }
    pump->spool = memory;
    touch_pages(pump);
    *fresh = !valid(pump);
    if (*fresh) {
        memset(pump->spool, 0, offsetof(struct logpump_spool, batch));
        pump->spool->version = LOGPUMP_VERSION;
        __atomic_store_n(&pump->spool->magic, LOGPUMP_MAGIC, __ATOMIC_RELEASE);
    }
    resolve_read(pump);
    return 0;
}

void logpump_close(struct logpump *pump) {
    if (pump->spool != NULL) munmap(pump->spool, sizeof *pump->spool);
    pump->spool = NULL;
    for (int end = 0; end < 2; end++) {
        cleanup_close(&pump->peek[end]);
        pump->peek[end] = -1;
    }
}

void logpump_place(struct logpump *pump, uint64_t offset, unsigned open) {
    struct logpump_state state = *logpump_state(pump);
    state.offset = offset;
    state.open = (uint8_t)open;
    commit(pump, &state);
}

// Frames the rest of the batch, behind an empty F where the line before it was cut by a loss.
static size_t frame_rest(const struct logpump *pump, const char prefix[LOGFRAME_PREFIX],
                         struct logpump_state *state, char *out, size_t capacity) {
    size_t closing = 0, consumed = 0;
    uint8_t bit = (uint8_t)(1U << state->stream);
    if (state->cut & bit) {
        closing = LOGFRAME_PREFIX + 1;
        if (capacity < closing) return 0;
        memcpy(out, prefix, LOGFRAME_PREFIX);
        out[LOGFRAME_PREFIX] = '\n';
        state->cut &= (uint8_t)~bit;
        state->open &= (uint8_t)~bit;
    }
    bool open = state->open & bit;
    size_t framed = logframe(prefix, pump->spool->batch + state->done, state->length - state->done,
                             out + closing, capacity - closing, &consumed, &open);
    state->done += (uint32_t)consumed;
    state->open = (uint8_t)(open ? state->open | bit : state->open & ~bit);
    state->offset += closing + framed;
    return closing + framed;
}

// Keeps the newest message of `out` that is not empty.
static void remember_last(struct logpump *pump, const char *out, size_t size) {
    size_t length = 0;
    while (size > 0 && length == 0) {
        const char *before = memrchr(out, '\n', size - 1);
        const char *record = before == NULL ? out : before + 1;
        length = (size_t)(out + size - record) - LOGFRAME_PREFIX - 1;
        if (length > 0) {
            pump->last_length = length < LOGPUMP_LAST ? length : LOGPUMP_LAST;
            memcpy(pump->last, record + LOGFRAME_PREFIX, pump->last_length);
        }
        size = (size_t)(record - out);
    }
}

// How much may be added to the log at once. An empty one takes a record of any size, or a small
// limit would never let it pass.
static size_t room_for(const struct logpump_state *state, uint64_t limit) {
    uint64_t room = limit > state->offset ? limit - state->offset : 0;
    if (state->offset == 0 && room < LOGFRAME_PREFIX + 1 + LOGFRAME_RECORD) {
        room = LOGFRAME_PREFIX + 1 + LOGFRAME_RECORD;
    }
    return room < OUTPUT ? (size_t)room : OUTPUT;
}

// Returns the bytes written; fewer than `size` with errno set.
static size_t write_at(int fd, const char *data, size_t size, uint64_t offset) {
    size_t written = 0;
    while (written < size) {
        ssize_t now = pwrite(fd, data + written, size - written, (off_t)(offset + written));
        if (now < 0 && errno == EINTR) continue;
        if (now < 0) break;
        written += (size_t)now;
    }
    return written;
}

enum logpump_outcome logpump_flush(struct logpump *pump, int log, uint64_t limit) {
    char out[OUTPUT], prefix[LOGFRAME_PREFIX];
    struct logpump_state before = *logpump_state(pump);
    if (before.phase != LOGPUMP_WRITING) return LOGPUMP_DRAINED;
    struct timespec when = {.tv_sec = before.seconds, .tv_nsec = before.nanoseconds};
    logframe_prefix(prefix, when, before.stream);
    while (before.done < before.length) {
        size_t capacity = room_for(&before, limit);
        struct logpump_state after = before;
        size_t framed = frame_rest(pump, prefix, &after, out, capacity);
        if (framed == 0) return LOGPUMP_FULL;
        size_t written = write_at(log, out, framed, before.offset);
        bool failed = written < framed;
        if (failed) {
            pump->error = errno;
            // The records that went in whole count as written.
            after = before;
            framed = frame_rest(pump, prefix, &after, out, written);
        }
        if (framed > 0) {
            remember_last(pump, out, framed);
            commit(pump, &after);
        }
        if (failed) return LOGPUMP_FAILED;
        before = after;
    }
    before.phase = LOGPUMP_IDLE;
    commit(pump, &before);
    return LOGPUMP_DRAINED;
}

// Looks at the pipe's first byte without taking it. Returns 1, 0 at end-of-file, -1 with errno.
static int peek_first(const struct logpump *pump, int pipe, uint8_t *first) {
    ssize_t copied;
    do {
        copied = tee(pipe, pump->peek[1], 1, SPLICE_F_NONBLOCK);
    } while (copied < 0 && errno == EINTR);
    if (copied > 0) copied = read(pump->peek[0], first, 1);
    return (int)copied;
}

// Gives a fast stream a wide pipe, and room for as much in the spool.
static void widen(struct logpump *pump, int pipe) {
    if (pump->holds_lines || fcntl(pipe, F_SETPIPE_SZ, LOGPUMP_WIDE) < LOGPUMP_WIDE) return;
    // Makes the pages, or tells that it cannot: they are not touched before they are there.
    if (madvise(pump->spool->batch, LOGPUMP_WIDE, MADV_POPULATE_WRITE) == 0) {
        pump->capacity = LOGPUMP_WIDE;
    }
}

// Takes one batch out of the pipe and into the spool. Returns 1, 0 at end-of-file, -1 with errno.
static int read_batch(struct logpump *pump, enum logframe_stream stream, int pipe) {
    struct logpump_state state = *logpump_state(pump);
    int present = peek_first(pump, pipe, &state.first);
    if (present <= 0) return present;
    int available;
    if (ioctl(pipe, FIONREAD, &available) < 0) return -1;
    state.phase = LOGPUMP_READING;
    state.stream = stream;
    unsigned *large = &pump->large_reads[stream];
    *large = available >= LOGPUMP_BATCH / 2 ? *large + 1 : 0;
    if (*large == LOGPUMP_FAST) widen(pump, pipe);
    state.length = (uint32_t)available < pump->capacity ? (uint32_t)available : pump->capacity;
    state.done = 0;
    pump->spool->batch[0] = (char)~state.first;
    commit(pump, &state);
    ssize_t taken;
    do {
        taken = read(pipe, pump->spool->batch, state.length);
    } while (taken < 0 && errno == EINTR);
    if (taken <= 0) return (int)taken;
    // Fewer than there are come only out of a pipe that the job has set to O_DIRECT (packets).
    state.length = (uint32_t)taken;
    state.phase = LOGPUMP_WRITING;
    stamp(&state);
    commit(pump, &state);
    return 1;
}

enum logpump_outcome logpump_run(struct logpump *pump, enum logframe_stream stream, int pipe,
                                 int log, uint64_t limit, size_t budget, size_t *read_bytes) {
    *read_bytes = 0;
    for (;;) {
        size_t taken;
        enum logpump_outcome outcome = logpump_flush(pump, log, limit);
        if (outcome != LOGPUMP_DRAINED) return outcome;
        if (*read_bytes >= budget) return LOGPUMP_MORE;
        outcome = logpump_take(pump, stream, pipe, &taken);
        if (outcome != LOGPUMP_MORE) return outcome;
        *read_bytes += taken;
    }
}

enum logpump_outcome logpump_take(struct logpump *pump, enum logframe_stream stream, int pipe,
                                  size_t *read_bytes) {
    *read_bytes = 0;
    if (logpump_state(pump)->phase == LOGPUMP_WRITING) return LOGPUMP_MORE;
    int present = read_batch(pump, stream, pipe);
    if (present == 0) return LOGPUMP_END;
    if (present < 0 && errno == EAGAIN) return LOGPUMP_DRAINED;
    if (present < 0) {
        pump->error = errno;
        return LOGPUMP_BROKEN;
    }
    *read_bytes = logpump_state(pump)->length;
    return LOGPUMP_MORE;
}

// What is left of the batch.
static size_t rest_of(const struct logpump_state *state) {
    return state->phase == LOGPUMP_WRITING ? state->length - state->done : 0;
}

size_t logpump_pending(const struct logpump *pump) {
    const struct logpump_state *state = logpump_state(pump);
    return state->held + rest_of(state);
}

void logpump_copy_pending(const struct logpump *pump, char *out) {
    const struct logpump_state *state = logpump_state(pump);
    memcpy(out, held_of(pump), state->held);
    memcpy(out + state->held, pump->spool->batch + state->done, rest_of(state));
}

int logpump_delivered(struct logpump *pump, size_t size) {
    struct logpump_state state = *logpump_state(pump);
    if (size < state.held || size > logpump_pending(pump)) return -1;
    state.done += (uint32_t)(size - state.held);
    state.held = 0;
    if (rest_of(&state) == 0) state.phase = LOGPUMP_IDLE;
    commit(pump, &state);
    return 0;
}

int logpump_hold(struct logpump *pump) {
    struct logpump_state state = *logpump_state(pump);
    size_t rest = rest_of(&state);
    if (state.held + rest > (pump->holds_lines ? LOGPUMP_HELD : 0)) return -1;
    // Behind the bytes that the state knows of: until it is replaced, nothing has changed.
    memcpy(held_of(pump) + state.held, pump->spool->batch + state.done, rest);
    state.held += (uint32_t)rest;
    state.done += (uint32_t)rest;
    state.phase = LOGPUMP_IDLE;
    commit(pump, &state);
    return 0;
}

void logpump_drop(struct logpump *pump, int log) {
    struct logpump_state state = *logpump_state(pump);
    const char *at = pump->spool->batch + state.done;
    const char *end = at + rest_of(&state);
    if (logpump_pending(pump) == 0) return;
    state.lost_bytes += logpump_pending(pump);
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        state.lost_lines++;
        at++;
    }
    state.phase = LOGPUMP_IDLE;
    state.held = 0;
    state.cut |= state.open & (uint8_t)(1U << state.stream);
    // Readers skip a torn record; it is cut off so that the file ends with a whole one.
    while (log >= 0 && ftruncate(log, (off_t)state.offset) < 0 && errno == EINTR) {
    }
    commit(pump, &state);
}

void logpump_clear_losses(struct logpump *pump) {
    struct logpump_state state = *logpump_state(pump);
    state.lost_bytes = 0;
    state.lost_lines = 0;
    commit(pump, &state);
}
