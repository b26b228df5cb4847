#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "sandbox.h"
#include "syscalls.h"

int files_open(struct sandbox *sandbox, const char *path, int flags, uint64_t resolve) {
    return k_openat2(sandbox->root, path, (uint64_t)(flags | O_CLOEXEC),
                     resolve | K_RESOLVE_IN_ROOT | K_RESOLVE_NO_MAGICLINKS);
}

static void free_string(char **string) { free(*string); }

// Opens the directory that is to hold the last component of `path`, which `name` then points to.
// The copy that `name` points into is handed to the caller.
static int open_parent(struct sandbox *sandbox, const char *path, char **copy, char **name) {
    *copy = strdup(path);
    if (*copy == NULL) return report_fail(&sandbox->report, "%s", path);
    char *end = *copy + strlen(*copy);
    while (end > *copy && end[-1] == '/') *--end = '\0';
    char *slash = strrchr(*copy, '/');
    *name = slash == NULL ? *copy : slash + 1;
    if (**name == '\0' || strcmp(*name, ".") == 0 || strcmp(*name, "..") == 0) {
        errno = EINVAL;
        return report_fail(&sandbox->report, "%s does not name a file", path);
    }
    if (slash == NULL) return files_ensure_directory(sandbox, "/", 0);
    *slash = '\0';
    return files_ensure_directory(sandbox, **copy == '\0' ? "/" : *copy, 0);
}

int files_ensure_directory(struct sandbox *sandbox, const char *path, uint64_t resolve) {
    int fd = files_open(sandbox, path, O_PATH | O_DIRECTORY, resolve);
    if (fd >= 0) return fd;
    if (errno != ENOENT) return report_fail(&sandbox->report, "open directory %s", path);

    __attribute__((cleanup(free_string))) char *copy = NULL;
    char *name;
    AUTO_CLOSE int parent = open_parent(sandbox, path, &copy, &name);
    if (parent < 0) return -1;
    if (mkdirat(parent, name, 0755) < 0) {
        return report_fail(&sandbox->report, "make directory %s", path);
    }
    // Made just now by us; a link in its place would be somebody's race, so none is followed.
    fd = k_openat2(parent, name, O_PATH | O_DIRECTORY | O_CLOEXEC, K_RESOLVE_NO_SYMLINKS);
    return fd >= 0 ? fd : report_fail(&sandbox->report, "open directory %s", path);
}

int files_ensure_file(struct sandbox *sandbox, const char *path) {
    AUTO_CLOSE int there = files_open(sandbox, path, O_PATH, 0);
    if (there >= 0) {
        struct stat status;
        if (fstat(there, &status) < 0) return report_fail(&sandbox->report, "stat %s", path);
        if (!S_ISDIR(status.st_mode)) return steal_fd(&there);
        errno = EISDIR;
    }
    if (errno != ENOENT) return report_fail(&sandbox->report, "open file %s", path);

    __attribute__((cleanup(free_string))) char *copy = NULL;
    char *name;
    AUTO_CLOSE int parent = open_parent(sandbox, path, &copy, &name);
    if (parent < 0) return -1;
    int fd = openat(parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDONLY | O_CLOEXEC, 0644);
    return fd >= 0 ? fd : report_fail(&sandbox->report, "make file %s", path);
}

int files_symlink(struct sandbox *sandbox, const char *path, const char *target) {
    __attribute__((cleanup(free_string))) char *copy = NULL;
    char *name;
    AUTO_CLOSE int parent = open_parent(sandbox, path, &copy, &name);
    if (parent < 0) return -1;
    if (symlinkat(target, parent, name) < 0) {
        return report_fail(&sandbox->report, "make symbolic link %s", path);
    }
    return 0;
}

int files_mknod(struct sandbox *sandbox, const struct plan_step *step) {
    const char *path = step->values[0].data;
    mode_t mode = (mode_t)step->values[1].number;
    dev_t device = makedev((unsigned)step->values[2].number, (unsigned)step->values[3].number);
    __attribute__((cleanup(free_string))) char *copy = NULL;
    char *name;
    AUTO_CLOSE int parent = open_parent(sandbox, path, &copy, &name);
    if (parent < 0) return -1;
    if (mknodat(parent, name, mode, device) < 0) {
        return report_fail(&sandbox->report, "make device %s", path);
    }
    return 0;
}

static int write_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return -1;
        data += written;
        size -= (size_t)written;
    }
    return 0;
}

int files_write(struct sandbox *sandbox, const struct plan_step *step) {
    const char *path = step->values[0].data;
    __attribute__((cleanup(free_string))) char *copy = NULL;
    char *name;
    AUTO_CLOSE int parent = open_parent(sandbox, path, &copy, &name);
    if (parent < 0) return -1;
    AUTO_CLOSE int fd = openat(parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC,
                               (mode_t)step->values[1].number);
    if (fd < 0 || write_all(fd, step->values[2].data, step->values[2].size) < 0) {
        return report_fail(&sandbox->report, "write file %s", path);
    }
    return 0;
}

int files_sysctl(struct sandbox *sandbox, const char *path, const char *value) {
    AUTO_CLOSE int fd = files_open(sandbox, path, O_WRONLY, K_RESOLVE_NO_SYMLINKS);
    if (fd < 0) return report_fail(&sandbox->report, "open %s", path);
    if (write_all(fd, value, strlen(value)) < 0) {
        return report_fail(&sandbox->report, "write '%s' to %s", value, path);
    }
    return 0;
}

// Makes a directory with exactly this mode; one that is there already keeps its own.
int files_mkdir(struct sandbox *sandbox, const char *path, unsigned mode) {
    AUTO_CLOSE int there = files_open(sandbox, path, O_PATH | O_DIRECTORY, 0);
    if (there >= 0) return 0;
    if (errno != ENOENT) return report_fail(&sandbox->report, "open directory %s", path);
    __attribute__((cleanup(free_string))) char *copy = NULL;
    char *name;
    AUTO_CLOSE int parent = open_parent(sandbox, path, &copy, &name);
    if (parent < 0) return -1;
    if (mkdirat(parent, name, mode) < 0) {
        return report_fail(&sandbox->report, "make directory %s", path);
    }
    return 0;
}
