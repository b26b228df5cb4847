// Credentials by system call and not by library function: glibc's setresuid would signal the
// other threads, and the tests run these functions in a process that has some.
#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "sandbox.h"
#include "syscalls.h"

int privileges_rlimit(struct sandbox *sandbox, const struct plan_step *step) {
    int resource = (int)step->values[0].number;
    struct rlimit limit = {.rlim_cur = step->values[1].number, .rlim_max = step->values[2].number};
    if (setrlimit(resource, &limit) < 0) {
        return report_fail(&sandbox->report, "set resource limit %d", resource);
    }
    return 0;
}

int privileges_bounding_set(struct sandbox *sandbox, uint64_t mask) {
    for (unsigned long capability = 0; capability < 64; capability++) {
        if (mask & (1ULL << capability)) continue;
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
        if (errno == EINVAL) return 0;  // behind the last one that this kernel knows
        return report_fail(&sandbox->report, "drop capability %lu", capability);
    }
    return 0;
}

int privileges_groups(struct sandbox *sandbox, const struct plan_value *groups) {
    gid_t list[256];
    if (groups->count > sizeof list / sizeof *list) {
        errno = E2BIG;
        return report_fail(&sandbox->report, "%u supplementary groups", groups->count);
    }
    for (uint32_t i = 0; i < groups->count; i++) list[i] = plan_number(groups, i);
    if (syscall(SYS_setgroups, (long)groups->count, list) < 0) {
        return report_fail(&sandbox->report, "set supplementary groups");
    }
    return 0;
}

int privileges_ids(struct sandbox *sandbox, unsigned uid, unsigned gid) {
    if (syscall(SYS_setresgid, (long)gid, (long)gid, (long)gid) < 0) {
        return report_fail(&sandbox->report, "set group id %u", gid);
    }
    if (syscall(SYS_setresuid, (long)uid, (long)uid, (long)uid) < 0) {
        return report_fail(&sandbox->report, "set user id %u", uid);
    }
    return 0;
}

// Effective and permitted become `mask`, inheritable and ambient empty.
int privileges_capabilities(struct sandbox *sandbox, uint64_t mask) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)mask, .permitted = (uint32_t)mask},
        {.effective = (uint32_t)(mask >> 32), .permitted = (uint32_t)(mask >> 32)},
    };
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
        syscall(SYS_capset, &header, data) < 0) {
        return report_fail(&sandbox->report, "set capabilities to %#llx", (unsigned long long)mask);
    }
    return 0;
}

int privileges_no_new(struct sandbox *sandbox) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        return report_fail(&sandbox->report, "set no_new_privs");
    }
    return 0;
}

int privileges_seccomp(struct sandbox *sandbox, const struct plan_value *program) {
    size_t length = program->size / sizeof(struct sock_filter);
    if (program->size % sizeof(struct sock_filter) != 0) {
        errno = EINVAL;
        return report_fail(&sandbox->report, "seccomp program of %u bytes", program->size);
    }
    if (length > BPF_MAXINSNS) {
        errno = E2BIG;
        return report_fail(&sandbox->report, "seccomp program of %zu instructions", length);
    }
    struct sock_fprog description = {.len = (unsigned short)length,
                                     .filter = (void *)program->data};
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &description) < 0) {
        return report_fail(&sandbox->report, "install the seccomp program");
    }
    return 0;
}
