// The descriptors that `init` is started with; the supervisor's side puts them there.
#pragma once

enum init_descriptor {
    INIT_STDIN = 0,
    INIT_STDOUT = 1,
    INIT_STDERR = 2,
    INIT_PLAN = 3,    // the encoded plan: a file of which it reads all
    INIT_REPORT = 4,  // one side of a socket, for messages of one `struct report` each
    INIT_EXIT = 5,    // a file for one `struct exit_record`
    INIT_HOLD = 6,    // and all above: read ends of the output pipes, held open while PID 1 lives;
                      // the last may be the write end of the input pipe, held open until that is
                      // read-only for all, or the command has ended; for a plan with `join` a
                      // pidfd of the container that it leads into
};
