// A process between a terminal that it keeps and two pipes: what is written to the terminal goes to
// the output pipe, what comes in by the input pipe is typed at the terminal. So the terminal, like
// the pipes, outlives whoever attends to the container.
#include "relay.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "ending.h"
#include "syscalls.h"

enum { LOOK_MS = 100 };

static bool is_empty(const struct relay_flow *flow) { return flow->start == flow->end; }

static void take(struct relay_flow *flow) {
    ssize_t count = read(flow->from, flow->data, sizeof flow->data);
    if (count > 0) {
        flow->start = 0;
        flow->end = (size_t)count;
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
        flow->ended = true;
    }
}

static void pass(struct relay_flow *flow) {
    ssize_t count = write(flow->to, flow->data + flow->start, flow->end - flow->start);
    if (count >= 0) {
        flow->start += (size_t)count;
    } else if (errno != EAGAIN && errno != EINTR) {
        flow->start = flow->end;  // a terminal that has hung up; the pipe has a reader in us
    }
}

void relay_begin(struct relay *relay, int wake) {
    relay->on = true;
    relay->wake = wake;
    relay->shown = (struct relay_flow){.from = relay->terminal, .to = relay->output};
    relay->typed = (struct relay_flow){.from = relay->input, .to = relay->terminal};
}

void relay_until_woken(struct relay *relay) {
    struct relay_flow *shown = &relay->shown, *typed = &relay->typed;
    enum { WAKE, TERMINAL, OUTPUT, INPUT, COUNT };
    while (relay->on) {
        short wanted = (short)(is_empty(shown) && !shown->ended ? POLLIN : 0);
        if (!is_empty(typed)) wanted |= POLLOUT;
        // What nothing is wanted of is left out: poll would tell of its hangup again and again.
        struct pollfd polled[COUNT] = {
            [WAKE] = {.fd = relay->wake, .events = POLLIN},
            [TERMINAL] = {.fd = wanted != 0 ? relay->terminal : -1, .events = wanted},
            [OUTPUT] = {.fd = is_empty(shown) ? -1 : relay->output, .events = POLLOUT},
            [INPUT] = {.fd = is_empty(typed) && !typed->ended ? relay->input : -1,
                       .events = POLLIN},
        };
        if (poll(polled, COUNT, -1) < 0) continue;
        if (polled[WAKE].revents != 0) return;
        if (polled[INPUT].revents != 0) take(typed);
        if (polled[TERMINAL].revents != 0 && is_empty(shown)) take(shown);
        if (!is_empty(typed)) pass(typed);
        if (!is_empty(shown)) pass(shown);
    }
}

void relay_finish(struct relay *relay) {
    struct relay_flow *shown = &relay->shown;
    if (!relay->on) return;
    relay->on = false;
    for (;;) {
        // The kernel has handed on all that was written before it says that there is no more.
        if (is_empty(shown)) take(shown);
        if (is_empty(shown)) break;
        struct pollfd output = {.fd = relay->output, .events = POLLOUT};
        if (poll(&output, 1, LOOK_MS) == 0 && ending_nobody_reads(relay->output)) break;
        pass(shown);
    }
    const int ends[] = {relay->terminal, relay->peer, relay->input, relay->output, relay->wake};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) close(ends[i]);
}
