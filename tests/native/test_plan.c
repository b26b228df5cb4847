// sources: native/plan.c native/report.c
//
// The decoder yields what was encoded, and for everything else an error that says what is wrong.
// Every plan is copied to memory of exactly its size, where a sanitizer sees each byte too far.
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "plan_writer.h"

struct outcome {
    int result;     // of the last call
    int32_t steps;  // decoded before it
    struct report report;
};

static struct outcome decode(const unsigned char *bytes, size_t size) {
    struct outcome outcome = {.report = {.step = REPORT_NO_STEP}};
    unsigned char *exact = malloc(size + (size == 0));
    memcpy(exact, bytes, size);
    struct plan plan;
    struct plan_step step;
    outcome.result = plan_open(&plan, exact, size, &outcome.report);
    while (outcome.result == 0 || outcome.result == 1) {
        outcome.result = plan_next(&plan, &step, &outcome.report);
        if (outcome.result != 1) break;
        assert(step.index == outcome.steps);
        touch_step(&step);
        outcome.steps++;
    }
    free(exact);
    return outcome;
}

static void expect_error(const struct writer *writer, int32_t step, const char *detail) {
    struct outcome outcome = decode(writer->bytes, writer->size);
    if (outcome.result != -1 || strcmp(outcome.report.detail, detail) != 0) {
        fprintf(stderr, "wanted '%s', got '%s' (%d)\n", detail, outcome.report.detail,
                outcome.result);
    }
    assert(outcome.result == -1);
    assert(outcome.report.error == EBADMSG);
    assert(outcome.report.step == step);
    assert(strcmp(outcome.report.detail, detail) == 0);
}

static void every_step_is_decoded(void) {
    static struct writer writer;
    write_all_steps(&writer);
    struct outcome outcome = decode(writer.bytes, writer.size);
    assert(outcome.result == 0 && outcome.steps == OP_COUNT);
}

static void an_empty_plan_has_no_steps(void) {
    static struct writer writer;
    begin_plan(&writer);
    struct outcome outcome = decode(writer.bytes, writer.size);
    assert(outcome.result == 0 && outcome.steps == 0);
}

static void no_step_takes_more_arguments_than_there_is_room_for(void) {
    for (int op = 0; op < OP_COUNT; op++) {
        assert(strlen(plan_signatures[op].types) <= PLAN_MAX_ARGUMENTS);
    }
}

static void open_one(struct writer *writer, struct plan_step *step) {
    static unsigned char *kept;
    free(kept);
    kept = malloc(writer->size);
    memcpy(kept, writer->bytes, writer->size);
    struct plan plan;
    struct report report = {0};
    assert(plan_open(&plan, kept, writer->size, &report) == 0);
    assert(plan_next(&plan, step, &report) == 1);
    assert(step->index == 0 && report.step == 0);
}

static void arguments_come_back_as_they_were(void) {
    static struct writer writer;
    struct plan_step step;
    begin_plan(&writer);
    begin_step(&writer, OP_MOUNT);
    put_string(&writer, "tmpfs");
    put_strings(&writer, 2, "mode=755\0size=64m", 18);
    put_u32(&writer, 0xfffffffe);
    put_u32(&writer, 1);
    put_string(&writer, "/dev");
    end_step(&writer);
    open_one(&writer, &step);
    assert(step.op == OP_MOUNT);
    assert(strcmp(step.values[0].data, "tmpfs") == 0 && step.values[0].size == 5);
    assert(step.values[1].count == 2 && strcmp(step.values[1].data, "mode=755") == 0);
    assert(strcmp(plan_next_string(step.values[1].data), "size=64m") == 0);
    assert(step.values[2].number == 0xfffffffe && step.values[3].number == 1);
    assert(strcmp(step.values[4].data, "/dev") == 0);

    begin_plan(&writer);
    begin_step(&writer, OP_RLIMIT);
    put_u32(&writer, 7);
    put_u64(&writer, 10);
    put_u64(&writer, UINT64_MAX);
    end_step(&writer);
    open_one(&writer, &step);
    assert(step.values[0].number == 7 && step.values[1].number == 10);
    assert(step.values[2].number == UINT64_MAX);

    begin_plan(&writer);
    begin_step(&writer, OP_GROUPS);
    put_sample(&writer, "g");
    end_step(&writer);
    open_one(&writer, &step);
    assert(step.values[0].count == 3 && plan_number(&step.values[0], 1) == 4294967294);

    begin_plan(&writer);
    begin_step(&writer, OP_FILE);
    put_string(&writer, "/etc/passwd");
    put_u32(&writer, 0644);
    put_span(&writer, "a\0b", 3);
    end_step(&writer);
    open_one(&writer, &step);
    assert(step.values[2].size == 3 && memcmp(step.values[2].data, "a\0b", 3) == 0);

    begin_plan(&writer);
    begin_step(&writer, OP_EXEC);
    put_strings(&writer, 0, "", 0);
    put_strings(&writer, 1, "", 1);
    end_step(&writer);
    open_one(&writer, &step);
    assert(step.values[0].count == 0 && step.values[0].size == 0);
    assert(step.values[1].count == 1 && step.values[1].data[0] == '\0');
}

static void a_wrong_header_is_refused(void) {
    static struct writer writer;
    write_all_steps(&writer);
    change_u32(&writer, 0, PLAN_MAGIC + 1);
    expect_error(&writer, REPORT_NO_STEP, "plan: wrong magic number");

    write_all_steps(&writer);
    change_u32(&writer, 4, PLAN_VERSION + 1);
    expect_error(&writer, REPORT_NO_STEP, "plan: wrong version");

    write_all_steps(&writer);
    change_u32(&writer, 12, (uint32_t)writer.size + 1);
    expect_error(&writer, REPORT_NO_STEP, "plan: wrong size");

    write_all_steps(&writer);
    change_u32(&writer, 8, OP_COUNT - 1);
    expect_error(&writer, OP_COUNT - 1, "plan: bytes behind the last step");

    write_all_steps(&writer);
    change_u32(&writer, 8, UINT32_MAX);
    expect_error(&writer, OP_COUNT, "plan: ends inside a step");
}

static void every_truncation_is_refused(void) {
    static struct writer writer;
    write_all_steps(&writer);
    for (size_t size = 0; size < writer.size; size++) {
        struct outcome outcome = decode(writer.bytes, size);
        assert(outcome.result == -1 && outcome.steps == 0);
        const char *wanted =
            size < PLAN_HEADER ? "plan: shorter than its header" : "plan: wrong size";
        assert(strcmp(outcome.report.detail, wanted) == 0);
    }
    // And with a header that says so: the cut is found where it is.
    for (size_t size = PLAN_HEADER; size < writer.size; size++) {
        write_all_steps(&writer);
        change_u32(&writer, 12, (uint32_t)size);
        struct outcome outcome = decode(writer.bytes, size);
        assert(outcome.result == -1 && outcome.report.step == outcome.steps);
        assert(strcmp(outcome.report.detail, "plan: ends inside a step") == 0);
    }
}

static void arguments_that_are_cut_short_are_refused(void) {
    static struct writer writer;
    for (uint32_t op = 0; op < OP_COUNT; op++) {
        begin_plan(&writer);
        begin_step(&writer, op);
        put_sample(&writer, plan_signatures[op].types);
        size_t whole = writer.size;
        for (size_t size = writer.step + STEP_HEADER; size < whole; size++) {
            writer.size = size;
            change_u32(&writer, 8, 0);
            end_step(&writer);
            expect_error(&writer, 0, "plan: malformed argument");
        }
    }
}

static void unknown_steps_are_refused(void) {
    static const uint32_t unknown[] = {OP_COUNT, OP_COUNT + 1, 0x80000000, UINT32_MAX};
    static struct writer writer;
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        begin_plan(&writer);
        begin_step(&writer, unknown[i]);
        end_step(&writer);
        expect_error(&writer, 0, "plan: unknown step");
    }
}

// Writes a plan of one step whose only argument is to be put by the caller.
static void begin_one(struct writer *writer, uint32_t op) {
    begin_plan(writer);
    begin_step(writer, op);
}

static void expect_malformed(struct writer *writer) {
    end_step(writer);
    expect_error(writer, 0, "plan: malformed argument");
}

static void malformed_strings_are_refused(void) {
    static struct writer writer;
    begin_one(&writer, OP_HOSTNAME);
    put_span(&writer, "", 0);  // not even a NUL
    expect_malformed(&writer);
    begin_one(&writer, OP_HOSTNAME);
    put_span(&writer, "box", 3);  // no NUL at its end
    expect_malformed(&writer);
    begin_one(&writer, OP_HOSTNAME);
    put_span(&writer, "b\0x", 4);  // a NUL inside
    expect_malformed(&writer);
    begin_one(&writer, OP_HOSTNAME);
    put_span(&writer, "\0\0", 2);
    expect_malformed(&writer);
    begin_one(&writer, OP_HOSTNAME);
    put_u32(&writer, UINT32_MAX);  // far behind the end of everything
    put(&writer, "box", 4);
    expect_malformed(&writer);
    begin_one(&writer, OP_HOSTNAME);
    put_u32(&writer, 5);  // one byte behind the end of the step, inside the plan
    put(&writer, "box", 4);
    end_step(&writer);
    begin_step(&writer, OP_PIVOT);
    end_step(&writer);
    expect_error(&writer, 0, "plan: malformed argument");
}

static void malformed_lists_are_refused(void) {
    static const struct {
        uint32_t count;
        const char *data;
        uint32_t size;
    } lists[] = {
        {1, "", 0},            // a count without a string
        {0, "", 1},            // a string without a count
        {2, "one", 4},         // fewer strings than counted
        {1, "one\0two", 8},    // more strings than counted
        {1, "one", 3},         // the last one without its NUL
        {1, "one\0two", 7},    // the same behind a whole one
        {UINT32_MAX, "a", 2},  // a count that no plan can hold
    };
    static struct writer writer;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        begin_one(&writer, OP_MASK);
        put_strings(&writer, lists[i].count, lists[i].data, lists[i].size);
        expect_malformed(&writer);
    }
    for (uint32_t size = 1; size < 12; size++) {
        if (size % 4 == 0) continue;
        begin_one(&writer, OP_GROUPS);
        put_span(&writer, "0123456789ab", size);  // not a whole number of numbers
        expect_malformed(&writer);
    }
}

static void bytes_behind_the_last_argument_are_refused(void) {
    static struct writer writer;
    for (uint32_t op = 0; op < OP_COUNT; op++) {
        begin_one(&writer, op);
        put_sample(&writer, plan_signatures[op].types);
        put(&writer, "\0", 1);
        end_step(&writer);
        expect_error(&writer, 0, "plan: bytes behind the last argument");
    }
}

static void a_step_longer_than_the_plan_is_refused(void) {
    static const uint32_t sizes[] = {1, 0x7fffffff, UINT32_MAX};
    static struct writer writer;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        begin_one(&writer, OP_PIVOT);
        end_step(&writer);
        change_u32(&writer, writer.step + 4, sizes[i]);
        expect_error(&writer, 0, "plan: ends inside a step");
    }
}

// Whatever one byte is changed to: decoded or refused, but never read too far.
static void any_byte_may_be_anything(void) {
    static struct writer writer;
    static const unsigned char values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    write_all_steps(&writer);
    for (size_t at = 0; at < writer.size; at++) {
        unsigned char before = writer.bytes[at];
        for (size_t i = 0; i < sizeof values; i++) {
            writer.bytes[at] = values[i];
            struct outcome outcome = decode(writer.bytes, writer.size);
            assert(outcome.result == 0 || outcome.report.error == EBADMSG);
        }
        writer.bytes[at] = before;
    }
}

int main(void) {
    every_step_is_decoded();
    an_empty_plan_has_no_steps();
    no_step_takes_more_arguments_than_there_is_room_for();
    arguments_come_back_as_they_were();
    a_wrong_header_is_refused();
    every_truncation_is_refused();
    arguments_that_are_cut_short_are_refused();
    unknown_steps_are_refused();
    malformed_strings_are_refused();
    malformed_lists_are_refused();
    bytes_behind_the_last_argument_are_refused();
    a_step_longer_than_the_plan_is_refused();
    any_byte_may_be_anything();
    return 0;
}
