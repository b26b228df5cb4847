// Starts `init` in new namespaces and cgroups without copying the caller's page tables.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct spawn_request {
    int program;             // the sealed memory file that holds `init`
    const int *descriptors;  // become 0, 1, 2, ... of the new process; it gets no others
    size_t descriptor_count;
    const int *attach;  // cgroup v1 `tasks` files, open for writing
    size_t attach_count;
    int cgroup;           // directory of a v2 cgroup to be born in, or -1
    uint64_t namespaces;  // CLONE_NEW* flags
};

enum spawn_stage { SPAWN_CLONE, SPAWN_ATTACH, SPAWN_DESCRIPTORS, SPAWN_EXECUTE };

struct spawn_result {
    pid_t pid;
    int pidfd;
    enum spawn_stage stage;  // where it failed
    int error;               // errno, or 0
    size_t position;         // which attach or descriptor entry failed
};

// Returns 0, or -1 with `result` filled; no process is left then.
int spawn(const struct spawn_request *request, struct spawn_result *result);
