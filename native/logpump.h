// Moves a job's output from its pipes into its log file so that no byte is lost or doubled, even
// where the supervisor is killed between any two instructions.
//
// The spool makes that possible: a small file on a memory file system, mapped by the supervisor,
// that outlives it. It holds one batch of raw bytes and a state. Three facts carry the proof:
//
// 1. Before a batch is read, its exact length is known: only the pump takes bytes out of the pipe,
//    so what FIONREAD counts can be read whole. The length is in the spool before the read.
// 2. Whether the read took place shows in the batch's first byte. It is looked at beforehand
//    (tee(2) copies without consuming), and the spool's first byte is set to its complement.
// 3. Writing is idempotent: the records follow from the batch, its time and its place in the file,
//    all in the spool, and go to that place with pwrite(2). Doing it again changes nothing.
//
// A state is replaced by filling the other of two slots and then incrementing `sequence`, so a
// kill leaves the old one or the new one. The spool does not survive a reboot, nor do the jobs;
// the log file is not synced to its disk.
//
// The file's size is limited exactly: a record that would exceed the limit is not written, the
// outcome is LOGPUMP_FULL, and the caller puts a new file in place and calls again.
// A write that fails leaves its batch in the spool: the caller tries again or drops and counts it.
//
// A stream whose pipe keeps filling up gets a wider one, and the spool then takes as much at once:
// waking the writer up and adding a small piece to a file are what costs. Where the kernel grants
// neither, all goes on as before.
//
// Where the output goes elsewhere line by line, the caller delivers: it takes a batch, tells how
// much of it has been delivered, and in the end what is to be held until the rest of the line has
// come. A kill between a delivery and its telling doubles what was delivered last, and nothing
// else. Such a spool belongs to one stream and is larger, by the held bytes.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logframe.h"

enum {
    LOGPUMP_MAGIC = 0x504b4c53,
    LOGPUMP_VERSION = 3,
    LOGPUMP_BATCH = 64 * 1024,  // a pipe's default capacity
    LOGPUMP_WIDE = 512 * 1024,  // a batch of a fast stream, and its pipe
    LOGPUMP_FAST = 16,          // reads in a row, of half a pipe or more, that make a stream one
    LOGPUMP_HELD = 48 * 1024,   // as long as a line of a service in the systemd journal
    LOGPUMP_LAST = 256,
};

enum logpump_phase { LOGPUMP_IDLE, LOGPUMP_READING, LOGPUMP_WRITING, LOGPUMP_PHASES };

struct logpump_state {
    uint32_t phase;
    uint32_t stream;  // whose batch it is
    uint32_t length;  // bytes of the batch
    uint32_t done;    // of which are in the log
    int64_t seconds;  // when the batch was read
    uint32_t nanoseconds;
    uint8_t first;  // the batch's first byte, known before the read
    uint8_t open;   // bit per stream: its last record in the log is a P
    uint8_t cut;    // bit per stream: bytes behind that P were dropped, the line must be closed
    uint8_t unused;
    uint64_t offset;  // end of the log's last whole record
    uint64_t lost_bytes;
    uint64_t lost_lines;
    uint32_t held;  // bytes of the stream's unfinished line that came before the batch
};

struct logpump_spool {
    uint32_t magic;
    uint32_t version;
    uint64_t sequence;  // its lowest bit selects the valid state
    struct logpump_state states[2];
    // Behind LOGPUMP_BATCH bytes are the held lines, where lines are held, else room to be wide.
    _Alignas(4096) char batch[LOGPUMP_WIDE];
};

struct logpump {
    struct logpump_spool *spool;
    bool holds_lines;
    uint32_t capacity;                       // of a batch; the pages for it are there
    unsigned large_reads[LOGFRAME_STREAMS];  // in a row
    int peek[2];                             // a pipe for looking at a batch's first byte
    int error;                               // errno behind LOGPUMP_FAILED and LOGPUMP_BROKEN
    size_t last_length;
    char last[LOGPUMP_LAST];  // beginning of the newest message that is not empty
};

enum logpump_outcome {
    LOGPUMP_DRAINED,  // the pipe is empty for now
    LOGPUMP_MORE,     // the budget is used up, the pipe may hold more
    LOGPUMP_END,      // end-of-file: the pipe's last writer is gone
    LOGPUMP_FULL,     // the log has reached its limit; the batch waits in the spool
    LOGPUMP_FAILED,   // the log cannot be written; the batch waits in the spool
    LOGPUMP_BROKEN,   // the pipe cannot be read
};

// Maps the spool behind `fd` (not kept), laying it out where it is new or not a spool; `fresh`
// tells. A read that a kill interrupted is resolved here. Returns 0, or -1 with errno set.
int logpump_open(struct logpump *pump, int fd, bool holds_lines, bool *fresh);
void logpump_close(struct logpump *pump);

const struct logpump_state *logpump_state(const struct logpump *pump);

// Sets the end of the log and the streams that are in mid-line: for a new file, or where the spool
// is fresh and the file is not. The spool must be idle or the file new.
void logpump_place(struct logpump *pump, uint64_t offset, unsigned open);

// Writes what is left of a batch. Returns DRAINED, FULL or FAILED.
enum logpump_outcome logpump_flush(struct logpump *pump, int log, uint64_t limit);

// Flushes, then moves batches of `stream` until the pipe is empty or `budget` bytes were read.
enum logpump_outcome logpump_run(struct logpump *pump, enum logframe_stream stream, int pipe,
                                 int log, uint64_t limit, size_t budget, size_t *read_bytes);

// Reads the next batch where the last one has been dealt with. Returns MORE where there is one to
// deal with, else DRAINED, END or BROKEN.
enum logpump_outcome logpump_take(struct logpump *pump, enum logframe_stream stream, int pipe,
                                  size_t *read_bytes);

// How many bytes there are to deliver: those held, and behind them the rest of the batch.
size_t logpump_pending(const struct logpump *pump);
void logpump_copy_pending(const struct logpump *pump, char *out);

// The first `size` of them have been delivered, at least all that were held. Returns 0, or -1 where
// there are not so many.
int logpump_delivered(struct logpump *pump, size_t size);

// Holds all of them. Returns 0, or -1 where they are more than LOGPUMP_HELD.
int logpump_hold(struct logpump *pump);

// Gives up what is pending and counts it as lost; cuts a torn record off the log.
void logpump_drop(struct logpump *pump, int log);
void logpump_clear_losses(struct logpump *pump);
