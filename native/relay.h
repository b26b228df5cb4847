// A terminal that PID 1 keeps, between two pipes of the container's.
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

enum { RELAY_PIECE = 4096 };

struct relay_flow {
    int from;
    int to;
    bool ended;  // nothing more comes
    size_t start;
    size_t end;
    char data[RELAY_PIECE];
};

struct relay {
    bool on;       // whether there is such a terminal; the descriptors are open then
    int terminal;  // the operator's side, non-blocking
    int peer;      // the command's side, so that it does not hang up while nobody has it open
    int input;     // what is typed comes in here, non-blocking
    int output;    // what is written goes there, non-blocking
    int signals;
    struct relay_flow shown;
    struct relay_flow typed;
};

// Before the command's process is made. Returns -1 with errno.
int relay_begin(struct relay *relay, const sigset_t *signals);

// Moves bytes both ways until one of the signals is there to be taken; at once if there is no such
// terminal.
void relay_until_signal(struct relay *relay);

// Moves what was written before the last writer died, however long that takes, and lets go of all.
void relay_finish(struct relay *relay);
