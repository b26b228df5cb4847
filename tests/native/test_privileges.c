// sources: native/privileges.c native/rootfs.c native/files.c native/plan.c native/report.c
//
// What a process may do afterwards is exactly what the step said, read back from the kernel.
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "scene.h"
#include "syscalls.h"

enum { SOME = 1 << CAP_KILL | 1 << CAP_CHOWN | 1 << CAP_SETPCAP };

// The value of a line of /proc/self/status, without the blanks around it.
static const char *status_line(const char *name) {
    static char text[8192];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    MUST(fd);
    ssize_t size = read(fd, text, sizeof text - 1);
    MUST(size);
    close(fd);
    text[size] = '\0';
    char *value = strstr(text, name);
    assert(value != NULL);
    value += strlen(name) + 2;  // behind the colon and a tab
    value[strcspn(value, "\n")] = '\0';
    for (char *end = value + strlen(value); end > value && end[-1] == ' ';) *--end = '\0';
    return value;
}

static void expect_line(const char *name, const char *value) {
    const char *found = status_line(name);
    if (strcmp(found, value) != 0) {
        fprintf(stderr, "%s: wanted '%s', got '%s'\n", name, value, found);
        abort();
    }
}

static void expect_set(const char *name, uint64_t mask) {
    char text[20];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)mask);
    expect_line(name, text);
}

static int groups(struct sandbox *sandbox, const uint32_t *numbers, uint32_t count) {
    struct plan_value list = {
        .data = (const char *)numbers, .size = count * (uint32_t)sizeof *numbers, .count = count};
    return privileges_groups(sandbox, &list);
}

// Whether ids other than our own can be taken: a user namespace made without rights has none.
static bool has_all_ids(void) {
    char map[64] = {0};
    int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
    MUST(fd);
    MUST(read(fd, map, sizeof map - 1));
    close(fd);
    return strstr(map, "4294967295") != NULL;
}

static void groups_are_exact(struct sandbox *sandbox) {
    static const uint32_t numbers[257] = {50, 2147483648, 4294967294};
    expect_failure(sandbox, groups(sandbox, numbers, 257), E2BIG, "257 supplementary groups");
    if (!has_all_ids()) return;
    assert(groups(sandbox, numbers, 3) == 0);
    expect_line("Groups", "50 2147483648 4294967294");
    assert(groups(sandbox, numbers, 0) == 0);
    expect_line("Groups", "");
}

static void ids_are_exact(struct sandbox *sandbox) {
    if (!has_all_ids()) return;
    assert(privileges_ids(sandbox, 4294967294, 2147483648) == 0);
    expect_line("Uid", "4294967294\t4294967294\t4294967294\t4294967294");
    expect_line("Gid", "2147483648\t2147483648\t2147483648\t2147483648");
    expect_failure(sandbox, privileges_ids(sandbox, 0, 0), EPERM, "set group id 0");
}

static void capabilities_are_exact(struct sandbox *sandbox) {
    assert(privileges_bounding_set(sandbox, SOME) == 0);
    assert(privileges_capabilities(sandbox, SOME) == 0);
    expect_set("CapInh", 0);
    expect_set("CapPrm", SOME);
    expect_set("CapEff", SOME);
    expect_set("CapBnd", SOME);
    expect_set("CapAmb", 0);
    expect_failure(sandbox, privileges_capabilities(sandbox, 1 << CAP_SYS_ADMIN), EPERM,
                   "set capabilities to 0x200000");
    expect_set("CapEff", SOME);
    assert(privileges_capabilities(sandbox, 0) == 0);
    expect_set("CapPrm", 0);
    expect_failure(sandbox, privileges_bounding_set(sandbox, 0), EPERM, "drop capability 0");
}

static void inherited_capabilities_are_cleared(struct sandbox *sandbox) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    MUST(syscall(SYS_capget, &header, data));
    data[0].inheritable = 1 << CAP_KILL;
    MUST(syscall(SYS_capset, &header, data));
    MUST(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
    assert(privileges_capabilities(sandbox, SOME) == 0);
    expect_set("CapInh", 0);
    expect_set("CapAmb", 0);
}

static void a_resource_limit_is_set_or_named(struct sandbox *sandbox) {
    struct plan_step step = {
        .values = {{.number = RLIMIT_NOFILE}, {.number = 100}, {.number = 200}}};
    assert(privileges_rlimit(sandbox, &step) == 0);
    struct rlimit limit;
    MUST(getrlimit(RLIMIT_NOFILE, &limit));
    assert(limit.rlim_cur == 100 && limit.rlim_max == 200);
    step.values[1].number = 201;
    expect_failure(sandbox, privileges_rlimit(sandbox, &step), EINVAL, "set resource limit 7");
    step.values[0].number = 1000;
    expect_failure(sandbox, privileges_rlimit(sandbox, &step), EINVAL, "set resource limit 1000");
}

static void new_privileges_end(struct sandbox *sandbox) {
    expect_line("NoNewPrivs", "0");
    assert(privileges_no_new(sandbox) == 0);
    expect_line("NoNewPrivs", "1");
}

static void a_filter_is_installed(struct sandbox *sandbox) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    // Programs lie in the plan at any address.
    static char unaligned[sizeof code + 1];
    memcpy(unaligned + 1, code, sizeof code);
    struct plan_value program = {.data = unaligned + 1, .size = sizeof code};
    assert(privileges_no_new(sandbox) == 0);
    assert(privileges_seccomp(sandbox, &program) == 0);
    expect_line("Seccomp", "2");
    expect_line("Seccomp_filters", "1");
    assert(syscall(SYS_getpgid, 0) == -1 && errno == EPERM);
}

static void a_filter_that_is_none_is_refused(struct sandbox *sandbox) {
    static char zeros[(BPF_MAXINSNS + 1) * sizeof(struct sock_filter)];
    struct plan_value program = {.data = zeros, .size = 12};
    expect_failure(sandbox, privileges_seccomp(sandbox, &program), EINVAL,
                   "seccomp program of 12 bytes");
    program.size = sizeof zeros;
    expect_failure(sandbox, privileges_seccomp(sandbox, &program), E2BIG,
                   "seccomp program of 4097 instructions");
    program.size = 0;
    expect_failure(sandbox, privileges_seccomp(sandbox, &program), EINVAL,
                   "install the seccomp program");
    expect_line("Seccomp", "0");
}

int main(void) {
    IN_CHILD(groups_are_exact);
    IN_CHILD(ids_are_exact);
    IN_CHILD(capabilities_are_exact);
    IN_CHILD(inherited_capabilities_are_cleared);
    IN_CHILD(a_resource_limit_is_set_or_named);
    IN_CHILD(new_privileges_end);
    IN_CHILD(a_filter_is_installed);
    IN_CHILD(a_filter_that_is_none_is_refused);
    return 0;
}
