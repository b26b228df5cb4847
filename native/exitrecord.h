// The exit record: written once by PID 1 when the command has ended, to a descriptor opened
// before the container's root was entered. It outlives the supervisor and says how it went.
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { EXIT_RECORD_MAGIC = 0x504b4552 };

struct exit_record {
    uint32_t magic;
    int32_t code;    // exit code, or -1 where a signal ended the command
    int32_t signal;  // signal number, or 0
    uint32_t core_dumped;
    int64_t started_ns;  // CLOCK_REALTIME just before the command was executed
    int64_t ended_ns;    // CLOCK_REALTIME when it was reaped
    int64_t elapsed_ns;  // CLOCK_BOOTTIME between the two: a stepped wall clock does not bend it
    int64_t user_us;     // processor time of everything that PID 1 reaped
    int64_t system_us;
    int64_t max_rss_kb;  // of the largest process
    uint32_t reserved;
    uint32_t checksum;  // crc32_of all the bytes before it
};

_Static_assert(sizeof(struct exit_record) == 72, "read by size");

// CRC-32 as in zlib (reflected polynomial 0xedb88320).
static inline uint32_t crc32_of(const void *data, size_t size) {
    const unsigned char *bytes = data;
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0xedb88320u & -(crc & 1));
    }
    return ~crc;
}
