// The layers of an image under a writable one, mounted.
#pragma once

#include <stdbool.h>

#include "plan.h"

// Flags of a plan's step.
enum { OVERLAY_VOLATILE = 1, OVERLAY_USER_XATTRS = 2 };

struct overlay {
    const struct plan_value *lower;  // directories, topmost first
    const char *upper;               // NULL: nothing can be written
    const char *work;
    bool is_volatile;
    bool user_xattrs;  // marks are user.overlay.*: of another user namespace than the first
};

// Mounts it; returns 0, or -1 with errno.
int overlay_mount(const struct overlay *overlay, const char *mountpoint);

// A descriptor of its root, or -1 with errno. The calling thread, which does nothing else, gets a
// mount namespace of its own for it: once it has ended the overlay is mounted nowhere, and is gone
// as soon as the descriptor is closed, however this process ends.
int overlay_open(const struct overlay *overlay, const char *mountpoint);
