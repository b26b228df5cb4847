// The layers of an image under a writable one, mounted.
#pragma once

#include <stdbool.h>

#include "plan.h"

struct overlay {
    const struct plan_value *lower;  // directories, topmost first
    const char *upper;               // NULL: nothing can be written
    const char *work;
    bool is_volatile;
};

// Mounts it; returns 0, or -1 with errno.
int overlay_mount(const struct overlay *overlay, const char *mountpoint);

// A descriptor of its root, or -1 with errno. The calling thread, which does nothing else, gets a
// mount namespace of its own for it: once it has ended the overlay is mounted nowhere, and is gone
// as soon as the descriptor is closed, however this process ends.
int overlay_open(const struct overlay *overlay, const char *mountpoint);
