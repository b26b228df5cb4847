// Reading framed text back: what the framing's tests and its fuzz target compare with.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "logframe.h"

// Appends the bytes that one stream's records stand for to `out`; returns how many they are.
// Asserts that the text consists of whole records that carry `prefix` but for their tag.
static inline size_t logframe_text(const char prefix[LOGFRAME_PREFIX], const char *text,
                                   size_t size, char *out) {
    size_t length = 0;
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        assert(end != NULL && end - text >= LOGFRAME_PREFIX);
        char tag = text[LOGFRAME_TAG];
        assert(tag == 'F' || tag == 'P');
        assert(memcmp(text, prefix, LOGFRAME_TAG) == 0);
        assert(text[LOGFRAME_TAG + 1] == ' ');
        const char *message = text + LOGFRAME_PREFIX;
        size_t message_length = (size_t)(end - message);
        assert(message_length <= LOGFRAME_MESSAGE);
        assert(message_length > 0 || tag == 'F');
        memcpy(out + length, message, message_length);
        length += message_length;
        if (tag == 'F') out[length++] = '\n';
        size -= (size_t)(end + 1 - text);
        text = end + 1;
    }
    return length;
}
