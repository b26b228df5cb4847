// The root of a container over the layers of an image, however many and however named they are.
#include "overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "cleanup.h"
#include "syscalls.h"

// overlay's own bound for lower layers (OVL_MAX_STACK).
enum { MAX_LAYERS = 500, MAX_OPTIONS = 4096, PLACE = 32 };

struct text {
    size_t length;
    bool full;  // something did not fit
    char data[MAX_OPTIONS];
};

static void add_character(struct text *text, char character) {
    if (text->length + 1 >= sizeof text->data) {
        text->full = true;
        return;
    }
    text->data[text->length++] = character;
    text->data[text->length] = '\0';
}

static void add_option(struct text *text, const char *option) {
    while (*option != '\0') add_character(text, *option++);
}

// The separators of an option lose their meaning behind a backslash.
static void add_path(struct text *text, const char *path) {
    for (; *path != '\0'; path++) {
        if (strchr("\\:,", *path) != NULL) add_character(text, '\\');
        add_character(text, *path);
    }
}

// mount(2) takes a page of options, and cuts what is longer without a word.
static int mount_by_options(struct text *text, const struct overlay *overlay,
                            const char *mountpoint) {
    if (overlay->upper == NULL) {
        // With an index, a layer that a container writes to could not be mounted.
        add_option(text, "index=off");
    } else {
        add_option(text, "upperdir=");
        add_path(text, overlay->upper);
        add_option(text, ",workdir=");
        add_path(text, overlay->work);
    }
    if (overlay->user_xattrs) add_option(text, ",userxattr");
    if (overlay->is_volatile) add_option(text, ",volatile");
    if (text->full || text->length >= (size_t)sysconf(_SC_PAGESIZE)) {
        errno = E2BIG;
        return -1;
    }
    return mount("overlay", mountpoint, "overlay", 0, text->data);
}

static int mount_by_path(const struct overlay *overlay, const char *mountpoint) {
    struct text text = {0};
    const char *layer = overlay->lower->data;
    for (uint32_t i = 0; i < overlay->lower->count; i++, layer = plan_next_string(layer)) {
        add_option(&text, i == 0 ? "lowerdir=" : ":");
        add_path(&text, layer);
    }
    add_option(&text, ",");
    return mount_by_options(&text, overlay, mountpoint);
}

static void place_of(int fd, char place[PLACE]) { snprintf(place, PLACE, "/proc/self/fd/%d", fd); }

static int add_writable(int context, const struct overlay *overlay) {
    if (overlay->upper == NULL) return k_fsconfig(context, K_FSCONFIG_SET_STRING, "index", "off");
    AUTO_CLOSE int upper = open(overlay->upper, O_PATH | O_DIRECTORY | O_CLOEXEC);
    AUTO_CLOSE int work = open(overlay->work, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (upper < 0 || work < 0) return -1;
    char place[PLACE];
    place_of(upper, place);
    if (k_fsconfig(context, K_FSCONFIG_SET_STRING, "upperdir", place) < 0) return -1;
    place_of(work, place);
    if (k_fsconfig(context, K_FSCONFIG_SET_STRING, "workdir", place) < 0) return -1;
    return overlay->is_volatile ? k_fsconfig(context, K_FSCONFIG_SET_FLAG, "volatile", NULL) : 0;
}

// Each layer by a call of its own: Linux 6.5. A value may have 255 bytes, so paths are descriptors.
static int mount_by_calls(const struct overlay *overlay, const int *layers,
                          const char *mountpoint) {
    AUTO_CLOSE int context = k_fsopen("overlay");
    if (context < 0 || k_fsconfig(context, K_FSCONFIG_SET_STRING, "source", "overlay") < 0) {
        return -1;
    }
    char place[PLACE];
    for (uint32_t i = 0; i < overlay->lower->count; i++) {
        place_of(layers[i], place);
        if (k_fsconfig(context, K_FSCONFIG_SET_STRING, "lowerdir+", place) < 0) return -1;
    }
    if (overlay->user_xattrs && k_fsconfig(context, K_FSCONFIG_SET_FLAG, "userxattr", NULL) < 0) {
        return -1;
    }
    if (add_writable(context, overlay) < 0) return -1;
    if (k_fsconfig(context, K_FSCONFIG_CMD_CREATE, NULL, NULL) < 0) return -1;
    AUTO_CLOSE int made = k_fsmount(context, 0);
    AUTO_CLOSE int target = open(mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (made < 0 || target < 0) return -1;
    return k_move_mount(made, target);
}

// Before Linux 6.5: the same descriptors in one string, where some 200 have room.
static int mount_by_descriptor(const struct overlay *overlay, const int *layers,
                               const char *mountpoint) {
    struct text text = {0};
    char place[PLACE];
    for (uint32_t i = 0; i < overlay->lower->count; i++) {
        place_of(layers[i], place);
        add_option(&text, i == 0 ? "lowerdir=" : ":");
        add_option(&text, place);
    }
    add_option(&text, ",");
    return mount_by_options(&text, overlay, mountpoint);
}

static int mount_many(const struct overlay *overlay, const char *mountpoint) {
    int layers[MAX_LAYERS];
    uint32_t count = 0;
    int result = 0;
    const char *layer = overlay->lower->data;
    for (; count < overlay->lower->count; count++, layer = plan_next_string(layer)) {
        layers[count] = open(layer, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (layers[count] < 0) {
            result = -1;
            break;
        }
    }
    if (result == 0) {
        result = mount_by_calls(overlay, layers, mountpoint);
        if (result < 0 && (errno == EINVAL || errno == ENOSYS)) {
            result = mount_by_descriptor(overlay, layers, mountpoint);
        }
    }
    int saved = errno;
    while (count > 0) close(layers[--count]);
    errno = saved;
    return result;
}

int overlay_mount(const struct overlay *overlay, const char *mountpoint) {
    if (overlay->lower->count > MAX_LAYERS) {
        errno = E2BIG;
        return -1;
    }
    int failed = mount_by_path(overlay, mountpoint);
    if (failed < 0 && errno == E2BIG) failed = mount_many(overlay, mountpoint);
    return failed;
}

int overlay_open(const struct overlay *overlay, const char *mountpoint) {
    if (unshare(CLONE_NEWNS) < 0) return -1;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) return -1;
    if (overlay_mount(overlay, mountpoint) < 0) return -1;
    return open(mountpoint, O_PATH | O_DIRECTORY | O_CLOEXEC);
}
