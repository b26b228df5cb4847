// Scope-bound ownership: a variable marked with one of these gives its resource back when it
// goes out of scope; `steal_fd` hands the resource on instead.
#pragma once

#include <errno.h>
#include <unistd.h>

static inline void cleanup_close(int *fd) {
    if (*fd >= 0) {
        int saved = errno;
        close(*fd);
        errno = saved;
    }
}

static inline int steal_fd(int *fd) {
    int stolen = *fd;
    *fd = -1;
    return stolen;
}

#define AUTO_CLOSE __attribute__((cleanup(cleanup_close)))
