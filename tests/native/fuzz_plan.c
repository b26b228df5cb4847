// sources: native/plan.c native/report.c
//
// Whatever the bytes: the decoder reads nothing outside of them, and what it returns can be read.
// Three ways in, so that most of the effort does not end at the first check: the input is a whole
// plan, the steps behind a header that is right, or the arguments of one step of each kind.
#include "plan_writer.h"

static volatile uint64_t seen;  // so that no read is left out

static void decode(const uint8_t *data, size_t size) {
    struct report report = {.step = REPORT_NO_STEP};
    struct plan plan;
    struct plan_step step;
    if (plan_open(&plan, data, size, &report) < 0) return;
    while (plan_next(&plan, &step, &report) > 0) seen += touch_step(&step);
}

// Decodes the input behind `size` bytes of headers, in memory that ends where it does.
static void decode_behind(const uint32_t *headers, size_t size, const uint8_t *data, size_t rest) {
    uint8_t *plan = malloc(size + rest);
    memcpy(plan, headers, size);
    memcpy(plan + size, data, rest);
    decode(plan, size + rest);
    free(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    decode(data, size);
    if (size == 0) return 0;

    uint32_t length = (uint32_t)size;
    uint32_t steps[] = {PLAN_MAGIC, PLAN_VERSION, 1u + data[0] % 4, PLAN_HEADER + length};
    decode_behind(steps, sizeof steps, data, size);

    uint32_t total = PLAN_HEADER + STEP_HEADER + length;
    for (uint32_t op = 0; op < OP_COUNT; op++) {
        uint32_t step[] = {PLAN_MAGIC, PLAN_VERSION, 1, total, op, length};
        decode_behind(step, sizeof step, data, size);
    }
    return 0;
}
