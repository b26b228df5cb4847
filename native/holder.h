// Holds the terminal of a command whose user has left it.
#pragma once

// A name, and when the command was started, in nanoseconds by CLOCK_REALTIME and CLOCK_BOOTTIME.
enum { HOLDER_ARGUMENTS = 3 };

// The descriptors beside INIT_STDIN, INIT_STDOUT, INIT_EXIT and INIT_HOLD, which are as for PID 1.
enum holder_descriptor {
    HOLDER_TERMINAL = 3,  // the operator's side, non-blocking
    HOLDER_PROCESS = 4,   // a pidfd of the command's process
};

// Stands between the terminal and two pipes until the process has ended; where it is this one's
// child it writes the exit record before it reaps it. Returns the exit code of this process.
int holder_run(char **arguments);
