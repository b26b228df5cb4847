// sources: native/holder.c native/relay.c native/ending.c native/privileges.c native/report.c
// native/plan.c
//
// A terminal is held until its command has ended: what is typed reaches it, what it writes comes
// out to the last byte, and its end is recorded.
#include <assert.h>
#include <fcntl.h>
#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "exitrecord.h"
#include "holder.h"
#include "init.h"

static void must(bool holds, const char *what) {
    if (holds) return;
    perror(what);
    abort();
}

#define MUST(call) must((call) >= 0, #call)

enum { STARTED_REAL = 1234, MANY = 100 * 1000 };

static char directory[] = "/tmp/holder-XXXXXX";

// The command: says what it was told, then much, and ends with the code that it was told.
static void command(void) {
    char line[64];
    ssize_t count = read(0, line, sizeof line);
    MUST(count);
    MUST(write(1, line, (size_t)count));
    for (int i = 0; i < MANY; i++) MUST(write(1, "x", 1));
    _exit(atoi(line));
}

// The command's parent, which becomes the holder.
static void parent(void) {
    int terminal, peer;
    MUST(openpty(&terminal, &peer, NULL, NULL, NULL));
    struct termios settings;
    MUST(tcgetattr(peer, &settings));
    cfmakeraw(&settings);
    MUST(tcsetattr(peer, TCSANOW, &settings));
    pid_t pid = fork();
    MUST(pid);
    if (pid == 0) {
        for (int fd = 0; fd <= 2; fd++) MUST(dup2(peer, fd));
        command();
    }
    MUST(fcntl(terminal, F_SETFL, O_NONBLOCK));
    const int given[] = {
        open("stdin", O_RDWR | O_NONBLOCK),
        open("stdout", O_WRONLY | O_NONBLOCK),
        open("/dev/null", O_RDWR),
        terminal,
        (int)syscall(SYS_pidfd_open, pid, 0),
        open("exit", O_WRONLY | O_CREAT, 0600),
        open("stdout", O_RDONLY | O_NONBLOCK),
    };
    enum { COUNT = sizeof given / sizeof *given, HIGH = 50 };
    for (int i = 0; i < COUNT; i++) {
        MUST(given[i]);
        MUST(dup2(given[i], HIGH + i));
    }
    for (int i = 0; i < COUNT; i++) MUST(dup2(HIGH + i, i));
    MUST((int)syscall(SYS_close_range, COUNT, ~0U, 0));
    char *arguments[] = {"terminal", "1234", "0", NULL};
    _exit(holder_run(arguments));
}

int main(void) {
    must(mkdtemp(directory) != NULL, "mkdtemp");
    MUST(chdir(directory));
    MUST(mkfifo("stdin", 0600));
    MUST(mkfifo("stdout", 0600));
    int early = open("stdout", O_RDONLY | O_NONBLOCK);  // or it could not be opened for writing
    MUST(early);
    pid_t pid = fork();
    MUST(pid);
    if (pid == 0) {
        close(early);
        parent();
    }

    int output = open("stdout", O_RDONLY);  // returns when somebody writes
    MUST(output);
    int input = open("stdin", O_WRONLY);
    MUST(input);
    MUST(write(input, "17 is the code\n", 15));
    static char told[2 * MANY];
    size_t length = 0;
    ssize_t count;
    while ((count = read(output, told + length, sizeof told - length)) > 0) length += (size_t)count;
    MUST(count);
    close(early);
    assert(length == 15 + MANY);
    assert(memcmp(told, "17 is the code\nxxx", 18) == 0);

    int status;
    MUST(waitpid(pid, &status, 0));
    assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    struct exit_record record;
    int file = open("exit", O_RDONLY);
    MUST(file);
    must(read(file, &record, sizeof record) == sizeof record, "read the record");
    assert(record.magic == EXIT_RECORD_MAGIC);
    assert(record.checksum == crc32_of(&record, offsetof(struct exit_record, checksum)));
    assert(record.code == 17 && record.signal == 0 && record.started_ns == STARTED_REAL);
    assert(record.ended_ns > 0 && record.elapsed_ns > 0);
    const char *names[] = {"stdin", "stdout", "exit"};
    for (int i = 0; i < 3; i++) MUST(unlink(names[i]));
    MUST(rmdir(directory));
    return 0;
}
