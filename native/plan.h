// The plan: what `init` does before it executes the command, as a flat list of typed steps.
// The format is described in native/README.md. This table is the only place that names the steps
// and the types of their arguments; Python reads it from the extension module.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "report.h"

// name, enumerator, argument types: u = 32-bit number, q = 64-bit number, s = string without NUL,
// b = bytes, v = list of strings, g = list of 32-bit numbers.
#define PLAN_STEPS(STEP)                      \
    STEP(session, SESSION, "")                \
    STEP(keyring, KEYRING, "")                \
    STEP(follow, FOLLOW, "su")                \
    STEP(private_mounts, PRIVATE_MOUNTS, "")  \
    STEP(cgroup_namespace, CGROUP_NS, "")     \
    STEP(hostname, HOSTNAME, "s")             \
    STEP(loopback, LOOPBACK, "")              \
    STEP(join, JOIN, "u")                     \
    STEP(root_bind, ROOT_BIND, "ss")          \
    STEP(root_mount, ROOT_MOUNT, "sss")       \
    STEP(root_overlay, ROOT_OVERLAY, "vssus") \
    STEP(mount, MOUNT, "svuus")               \
    STEP(bind, BIND, "sus")                   \
    STEP(bind_followed, BIND_FOLLOWED, "sus") \
    STEP(mkdir, MKDIR, "su")                  \
    STEP(symlink, SYMLINK, "ss")              \
    STEP(mknod, MKNOD, "suuu")                \
    STEP(file, FILE, "sub")                   \
    STEP(sysctl, SYSCTL, "ss")                \
    STEP(terminal, TERMINAL, "uuuuu")         \
    STEP(mask, MASK, "v")                     \
    STEP(read_only, READ_ONLY, "v")           \
    STEP(read_only_root, READ_ONLY_ROOT, "")  \
    STEP(pivot, PIVOT, "")                    \
    STEP(init, INIT, "")                      \
    STEP(process, PROCESS, "")                \
    STEP(foreground, FOREGROUND, "")          \
    STEP(rlimit, RLIMIT, "uqq")               \
    STEP(umask, UMASK, "u")                   \
    STEP(seccomp, SECCOMP, "b")               \
    STEP(bounding_set, BOUNDING_SET, "q")     \
    STEP(groups, GROUPS, "g")                 \
    STEP(ids, IDS, "uu")                      \
    STEP(capabilities, CAPABILITIES, "q")     \
    STEP(no_new_privileges, NO_NEW_PRIVS, "") \
    STEP(chdir, CHDIR, "s")                   \
    STEP(exec, EXEC, "vv")

enum plan_op {
#define STEP(name, enumerator, types) OP_##enumerator,
    PLAN_STEPS(STEP)
#undef STEP
        OP_COUNT,
};

struct plan_signature {
    const char *name;
    const char *types;
};

extern const struct plan_signature plan_signatures[OP_COUNT];

enum {
    PLAN_MAGIC = 0x504b504c,
    PLAN_VERSION = 1,
    PLAN_MAX_ARGUMENTS = 5,
    PLAN_MAX_SIZE = 64 * 1024 * 1024,
};

// One argument. Strings and bytes point into the plan's memory. A list of strings is `count`
// NUL-terminated strings one behind the other; a list of numbers is `count` unaligned numbers.
struct plan_value {
    uint64_t number;
    const char *data;
    uint32_t size;
    uint32_t count;
};

struct plan_step {
    enum plan_op op;
    int32_t index;
    struct plan_value values[PLAN_MAX_ARGUMENTS];
};

struct plan {
    const unsigned char *data;
    size_t size;
    size_t offset;
    uint32_t count;
    int32_t next;
};

// Starts reading a plan. Returns 0, or -1 with `report` filled.
int plan_open(struct plan *plan, const void *data, size_t size, struct report *report);

// Reads the next step. Returns 1, 0 behind the last one, or -1 with `report` filled.
int plan_next(struct plan *plan, struct plan_step *step, struct report *report);

// The string behind `string` in a list of strings.
const char *plan_next_string(const char *string);

// A number of a list of numbers.
uint32_t plan_number(const struct plan_value *list, uint32_t position);
