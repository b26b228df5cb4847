// Writing plans by hand, whole ones and broken ones: what the decoder's tests feed it with.
#pragma once

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

enum { PLAN_ROOM = 64 * 1024, PLAN_HEADER = 16, STEP_HEADER = 8 };

struct writer {
    unsigned char bytes[PLAN_ROOM];
    size_t size;
    size_t step;  // where the header of the current step is
};

static inline void put(struct writer *writer, const void *data, size_t size) {
    assert(writer->size + size <= sizeof writer->bytes);
    memcpy(writer->bytes + writer->size, data, size);
    writer->size += size;
}

static inline void put_u32(struct writer *writer, uint32_t number) {
    put(writer, &number, sizeof number);
}

static inline void put_u64(struct writer *writer, uint64_t number) {
    put(writer, &number, sizeof number);
}

// Bytes behind their size.
static inline void put_span(struct writer *writer, const void *data, uint32_t size) {
    put_u32(writer, size);
    put(writer, data, size);
}

static inline void put_string(struct writer *writer, const char *string) {
    put_span(writer, string, (uint32_t)strlen(string) + 1);
}

// `data` is `count` strings, each with its NUL.
static inline void put_strings(struct writer *writer, uint32_t count, const void *data,
                               uint32_t size) {
    put_u32(writer, count);
    put_span(writer, data, size);
}

static inline void change_u32(struct writer *writer, size_t offset, uint32_t number) {
    memcpy(writer->bytes + offset, &number, sizeof number);
}

static inline void begin_plan(struct writer *writer) {
    writer->size = 0;
    put_u32(writer, PLAN_MAGIC);
    put_u32(writer, PLAN_VERSION);
    put_u32(writer, 0);
    put_u32(writer, PLAN_HEADER);
}

static inline void begin_step(struct writer *writer, uint32_t op) {
    writer->step = writer->size;
    put_u32(writer, op);
    put_u32(writer, 0);
}

// Makes the plan's and the step's headers true again.
static inline void end_step(struct writer *writer) {
    uint32_t count;
    memcpy(&count, writer->bytes + 8, sizeof count);
    change_u32(writer, 8, count + 1);
    change_u32(writer, 12, (uint32_t)writer->size);
    change_u32(writer, writer->step + 4, (uint32_t)(writer->size - writer->step - STEP_HEADER));
}

// Arguments of these types with values that are easy to recognise.
static inline void put_sample(struct writer *writer, const char *types) {
    static const uint32_t numbers[] = {1, 4294967294, 3};
    for (uint32_t i = 0; types[i] != '\0'; i++) {
        switch (types[i]) {
            case 'u':
                put_u32(writer, 100 + i);
                break;
            case 'q':
                put_u64(writer, (1ULL << 63) + i);
                break;
            case 's':
                put_string(writer, i % 2 == 0 ? "/some/where" : "");
                break;
            case 'b':
                put_span(writer, "a\0b\xff", 4);
                break;
            case 'v':
                put_strings(writer, 3, "first\0\0third", 13);
                break;
            case 'g':
                put_span(writer, numbers, sizeof numbers);
                break;
            default:
                assert(!"a type that the decoder's tests do not know");
        }
    }
}

// A plan with every step there is.
static inline void write_all_steps(struct writer *writer) {
    begin_plan(writer);
    for (uint32_t op = 0; op < OP_COUNT; op++) {
        begin_step(writer, op);
        put_sample(writer, plan_signatures[op].types);
        end_step(writer);
    }
}

// Touches every byte that a step points to, so that a sanitizer sees one that is not there.
static inline uint64_t touch_step(const struct plan_step *step) {
    uint64_t sum = 0;
    const char *types = plan_signatures[step->op].types;
    for (int i = 0; types[i] != '\0'; i++) {
        const struct plan_value *value = &step->values[i];
        for (uint32_t at = 0; at < value->size; at++) sum += (unsigned char)value->data[at];
        if (types[i] == 's') {
            assert(strlen(value->data) == value->size);
        } else if (types[i] == 'v') {
            const char *string = value->data;
            for (uint32_t n = 0; n < value->count; n++) string = plan_next_string(string);
            assert(value->count == 0 || string == value->data + value->size);
        } else if (types[i] == 'g') {
            assert((size_t)value->count * sizeof(uint32_t) == value->size);
            for (uint32_t n = 0; n < value->count; n++) sum += plan_number(value, n);
        } else {
            sum += value->number;
        }
    }
    return sum;
}
