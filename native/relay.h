// A terminal that a process keeps, between two pipes of the container's.
#pragma once

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
    int wake;      // readable once there is something else to do
    struct relay_flow shown;
    struct relay_flow typed;
};

// Once the descriptors of the terminal and the pipes are there.
void relay_begin(struct relay *relay, int wake);

// Moves bytes both ways until there is something else to do; at once if there is no such terminal.
void relay_until_woken(struct relay *relay);

// Moves what was written before the last writer died, however long that takes, and lets go of all.
void relay_finish(struct relay *relay);
