// The decoder is total: whatever bytes it is given, it reads nothing outside of them and either
// yields well-formed steps or says what is wrong.
#include "plan.h"

#include <errno.h>
#include <string.h>

const struct plan_signature plan_signatures[OP_COUNT] = {
#define STEP(name, enumerator, types) {#name, types},
    PLAN_STEPS(STEP)
#undef STEP
};

struct plan_header {
    uint32_t magic;
    uint32_t version;
    uint32_t count;
    uint32_t size;
};

struct step_header {
    uint32_t op;
    uint32_t size;
};

struct cursor {
    const unsigned char *at;
    size_t left;
};

static int invalid(struct report *report, const char *problem) {
    errno = EBADMSG;
    return report_fail(report, "plan: %s", problem);
}

static int take(struct cursor *cursor, void *into, size_t size) {
    if (cursor->left < size) return -1;
    memcpy(into, cursor->at, size);
    cursor->at += size;
    cursor->left -= size;
    return 0;
}

static int take_span(struct cursor *cursor, struct plan_value *value) {
    if (take(cursor, &value->size, sizeof value->size) < 0 || cursor->left < value->size) return -1;
    value->data = (const char *)cursor->at;
    cursor->at += value->size;
    cursor->left -= value->size;
    return 0;
}

// A string is stored with its NUL, which is the only one in it.
static int take_string(struct cursor *cursor, struct plan_value *value) {
    if (take_span(cursor, value) < 0 || value->size == 0) return -1;
    value->size -= 1;
    return strnlen(value->data, value->size + 1) == value->size ? 0 : -1;
}

static int take_strings(struct cursor *cursor, struct plan_value *value) {
    if (take(cursor, &value->count, sizeof value->count) < 0 || take_span(cursor, value) < 0) {
        return -1;
    }
    uint32_t found = 0;
    for (uint32_t i = 0; i < value->size; i++) found += value->data[i] == '\0';
    if (found != value->count) return -1;
    return value->size == 0 || value->data[value->size - 1] == '\0' ? 0 : -1;
}

static int take_numbers(struct cursor *cursor, struct plan_value *value) {
    if (take_span(cursor, value) < 0 || value->size % sizeof(uint32_t) != 0) return -1;
    value->count = value->size / sizeof(uint32_t);
    return 0;
}

static int take_value(struct cursor *cursor, char type, struct plan_value *value) {
    uint32_t small;
    switch (type) {
        case 'u':
            if (take(cursor, &small, sizeof small) < 0) return -1;
            value->number = small;
            return 0;
        case 'q':
            return take(cursor, &value->number, sizeof value->number);
        case 's':
            return take_string(cursor, value);
        case 'b':
            return take_span(cursor, value);
        case 'v':
            return take_strings(cursor, value);
        default:
            return take_numbers(cursor, value);
    }
}

int plan_open(struct plan *plan, const void *data, size_t size, struct report *report) {
    struct plan_header header;
    struct cursor cursor = {data, size};
    if (take(&cursor, &header, sizeof header) < 0)
        return invalid(report, "shorter than its header");
    if (header.magic != PLAN_MAGIC) return invalid(report, "wrong magic number");
    if (header.version != PLAN_VERSION) return invalid(report, "wrong version");
    if (header.size != size) return invalid(report, "wrong size");
    *plan =
        (struct plan){.data = data, .size = size, .offset = sizeof header, .count = header.count};
    return 0;
}

int plan_next(struct plan *plan, struct plan_step *step, struct report *report) {
    struct cursor cursor = {plan->data + plan->offset, plan->size - plan->offset};
    report->step = plan->next;
    if ((uint32_t)plan->next == plan->count) {
        return cursor.left == 0 ? 0 : invalid(report, "bytes behind the last step");
    }
    struct step_header header;
    if (take(&cursor, &header, sizeof header) < 0) return invalid(report, "ends inside a step");
    if (header.op >= OP_COUNT) return invalid(report, "unknown step");
    if (cursor.left < header.size) return invalid(report, "ends inside a step");

    struct cursor arguments = {cursor.at, header.size};
    *step = (struct plan_step){.op = (enum plan_op)header.op, .index = plan->next};
    const char *types = plan_signatures[header.op].types;
    for (int i = 0; types[i] != '\0'; i++) {
        if (take_value(&arguments, types[i], &step->values[i]) < 0) {
            return invalid(report, "malformed argument");
        }
    }
    if (arguments.left != 0) return invalid(report, "bytes behind the last argument");
    plan->offset += sizeof header + header.size;
    plan->next += 1;
    return 1;
}

const char *plan_next_string(const char *string) { return string + strlen(string) + 1; }

uint32_t plan_number(const struct plan_value *list, uint32_t position) {
    uint32_t number;
    memcpy(&number, list->data + (size_t)position * sizeof number, sizeof number);
    return number;
}
