// How a command's end is told: the exit record, and output that waits for its reader.
#pragma once

#include <stdbool.h>
#include <sys/resource.h>
#include <time.h>

#include "exitrecord.h"

// A clock in nanoseconds.
int64_t ending_now(clockid_t clock);

// Notes a status of waitpid(2), at this moment; `started_boot` is by CLOCK_BOOTTIME.
void ending_note(struct exit_record *record, int status, int64_t started_boot);

// Writes the record to INIT_EXIT, with what the command and its children have used.
void ending_write(struct exit_record *record, const struct rusage *usage);

// Whether a named pipe has lost its name: its container is gone, and nobody will ever ask for it.
bool ending_nobody_reads(int pipe);

// What is still in a pipe dies with the last descriptor of it, and the supervisor may be dead: so
// whoever holds the pipes from INIT_HOLD on stays until somebody has read them empty.
void ending_wait_for_reader(void);
