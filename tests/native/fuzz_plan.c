// sources: native/plan.c native/report.c
//
// Whatever the bytes: the decoder reads nothing outside of them, and what it returns can be read.
// Two ways in: the input as a whole plan, and the input as the steps behind a header that is
// right, so that most of the effort does not end at the magic number.
#include "plan_writer.h"

static volatile uint64_t seen;  // so that no read is left out

static void decode(const uint8_t *data, size_t size) {
    struct report report = {.step = REPORT_NO_STEP};
    struct plan plan;
    struct plan_step step;
    if (plan_open(&plan, data, size, &report) < 0) return;
    while (plan_next(&plan, &step, &report) > 0) seen += touch_step(&step);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    decode(data, size);

    size_t total = PLAN_HEADER + size;
    uint8_t *plan = malloc(total);
    // As many steps as the first byte says; none is left over where it says too few.
    uint32_t header[] = {PLAN_MAGIC, PLAN_VERSION, size == 0 ? 0 : 1u + data[0] % 4,
                         (uint32_t)total};
    memcpy(plan, header, sizeof header);
    memcpy(plan + PLAN_HEADER, data, size);
    decode(plan, total);
    free(plan);
    return 0;
}
