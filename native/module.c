// The extension module `runtime._native`: thin bindings, documented in runtime/_native.pyi.
// Limited API (3.11), so one build serves every later Python.
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <errno.h>
#include <sched.h>
#include <string.h>

#include "exitrecord.h"
#include "init.h"
#include "logmodule.h"
#include "overlay.h"
#include "plan.h"
#include "report.h"
#include "spawn.h"
#include "syscalls.h"

enum { MAX_DESCRIPTORS = 64 };

static const char *const stage_names[] = {
    [SPAWN_CLONE] = "clone3",
    [SPAWN_ATTACH] = "join cgroup",
    [SPAWN_DESCRIPTORS] = "place descriptors",
    [SPAWN_EXECUTE] = "execute init",
};

// Reads a tuple of descriptors into `into`; returns their number or -1.
static Py_ssize_t read_descriptors(PyObject *tuple, int into[MAX_DESCRIPTORS]) {
    Py_ssize_t count = PyTuple_Size(tuple);
    if (count < 0) return -1;
    if (count > MAX_DESCRIPTORS) {
        PyErr_SetString(PyExc_ValueError, "more than 64 descriptors");
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        long descriptor = PyLong_AsLong(PyTuple_GetItem(tuple, i));
        if (descriptor == -1 && PyErr_Occurred()) return -1;
        into[i] = (int)descriptor;
    }
    return count;
}

// An OSError whose text names the stage, as in `join cgroup 1: No such file or directory`.
static PyObject *raise_spawn_error(const struct spawn_result *result) {
    PyObject *text = PyUnicode_FromFormat("%s %zu: %s", stage_names[result->stage],
                                          result->position, strerror(result->error));
    if (text == NULL) return NULL;
    PyObject *error = PyObject_CallFunction(PyExc_OSError, "iN", result->error, text);
    if (error == NULL) return NULL;
    PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_DECREF(error);
    return NULL;
}

static PyObject *native_spawn(PyObject *self, PyObject *args) {
    (void)self;
    int program, cgroup;
    unsigned long long namespaces;
    PyObject *descriptors, *attach;
    int descriptor_list[MAX_DESCRIPTORS], attach_list[MAX_DESCRIPTORS];
    if (!PyArg_ParseTuple(args, "iO!O!iK", &program, &PyTuple_Type, &descriptors, &PyTuple_Type,
                          &attach, &cgroup, &namespaces)) {
        return NULL;
    }
    Py_ssize_t descriptor_count = read_descriptors(descriptors, descriptor_list);
    if (descriptor_count < 0) return NULL;
    Py_ssize_t attach_count = read_descriptors(attach, attach_list);
    if (attach_count < 0) return NULL;
    struct spawn_request request = {
        .program = program,
        .descriptors = descriptor_list,
        .descriptor_count = (size_t)descriptor_count,
        .attach = attach_list,
        .attach_count = (size_t)attach_count,
        .cgroup = cgroup,
        .namespaces = namespaces,
    };
    struct spawn_result result;
    int failed;
    Py_BEGIN_ALLOW_THREADS failed = spawn(&request, &result);
    Py_END_ALLOW_THREADS if (failed < 0) return raise_spawn_error(&result);
    return Py_BuildValue("ii", (int)result.pid, result.pidfd);
}

static PyObject *native_read_report(PyObject *self, PyObject *args) {
    (void)self;
    Py_buffer buffer;
    if (!PyArg_ParseTuple(args, "y*", &buffer)) return NULL;
    struct report report;
    int valid = buffer.len == sizeof report;
    if (valid) {
        memcpy(&report, buffer.buf, sizeof report);
        report.detail[sizeof report.detail - 1] = '\0';
        valid = report.magic == REPORT_MAGIC;
    }
    PyBuffer_Release(&buffer);
    if (!valid) {
        PyErr_SetString(PyExc_ValueError, "not a report record");
        return NULL;
    }
    PyObject *detail = PyUnicode_DecodeFSDefault(report.detail);
    if (detail == NULL) return NULL;
    return Py_BuildValue("(iiiN)", (int)report.kind, report.step, report.error, detail);
}

static PyObject *native_read_exit_record(PyObject *self, PyObject *args) {
    (void)self;
    Py_buffer buffer;
    if (!PyArg_ParseTuple(args, "y*", &buffer)) return NULL;
    struct exit_record record;
    int valid = buffer.len == sizeof record;
    if (valid) {
        memcpy(&record, buffer.buf, sizeof record);
        valid = record.magic == EXIT_RECORD_MAGIC &&
                record.checksum == crc32_of(&record, offsetof(struct exit_record, checksum));
    }
    PyBuffer_Release(&buffer);
    if (!valid) Py_RETURN_NONE;
    return Py_BuildValue(
        "(iiNLLLLLL)", record.code, record.signal, PyBool_FromLong((long)record.core_dumped),
        (long long)record.started_ns, (long long)record.ended_ns, (long long)record.elapsed_ns,
        (long long)record.user_us, (long long)record.system_us, (long long)record.max_rss_kb);
}

static PyObject *native_openat2(PyObject *self, PyObject *args) {
    (void)self;
    int directory;
    unsigned long long flags, resolve;
    PyObject *path;
    if (!PyArg_ParseTuple(args, "iO&KK", &directory, PyUnicode_FSConverter, &path, &flags,
                          &resolve)) {
        return NULL;
    }
    char *name = PyBytes_AsString(path);
    int fd = name == NULL ? -1 : k_openat2(directory, name, flags | 02000000, resolve);
    if (fd < 0 && name != NULL) PyErr_SetFromErrno(PyExc_OSError);
    Py_DECREF(path);
    return fd < 0 ? NULL : PyLong_FromLong(fd);
}

// The strings of `list`, each with its NUL, as a plan has them.
static struct plan_value list_of(const char *list, Py_ssize_t length) {
    struct plan_value value = {.data = list};
    for (Py_ssize_t i = 0; i < length; i++) value.count += list[i] == '\0';
    return value;
}

static PyObject *native_open_overlay(PyObject *self, PyObject *args) {
    (void)self;
    const char *list, *upper, *work, *mountpoint;
    Py_ssize_t length;
    int user_xattrs;
    if (!PyArg_ParseTuple(args, "y#yyyp", &list, &length, &upper, &work, &mountpoint,
                          &user_xattrs)) {
        return NULL;
    }
    struct plan_value lower = list_of(list, length);
    struct overlay overlay = {.lower = &lower,
                              .upper = *upper == '\0' ? NULL : upper,
                              .work = work,
                              .user_xattrs = user_xattrs != 0};
    int fd;
    Py_BEGIN_ALLOW_THREADS fd = overlay_open(&overlay, mountpoint);
    Py_END_ALLOW_THREADS if (fd < 0) return PyErr_SetFromErrno(PyExc_OSError);
    return PyLong_FromLong(fd);
}

static PyObject *native_syncfs(PyObject *self, PyObject *args) {
    (void)self;
    int fd, failed;
    if (!PyArg_ParseTuple(args, "i", &fd)) return NULL;
    Py_BEGIN_ALLOW_THREADS failed = syncfs(fd);
    Py_END_ALLOW_THREADS if (failed < 0) return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_NONE;
}

static PyObject *native_unshare(PyObject *self, PyObject *args) {
    (void)self;
    int namespaces;
    if (!PyArg_ParseTuple(args, "i", &namespaces)) return NULL;
    if (unshare(namespaces) < 0) return PyErr_SetFromErrno(PyExc_OSError);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"spawn", native_spawn, METH_VARARGS,
     "spawn(program, descriptors, attach, cgroup, namespaces)"},
    {"read_report", native_read_report, METH_VARARGS, "read_report(record)"},
    {"read_exit_record", native_read_exit_record, METH_VARARGS, "read_exit_record(record)"},
    {"openat2", native_openat2, METH_VARARGS, "openat2(directory, path, flags, resolve)"},
    {"open_overlay", native_open_overlay, METH_VARARGS,
     "open_overlay(lower, upper, work, mountpoint, user_xattrs)"},
    {"syncfs", native_syncfs, METH_VARARGS, "syncfs(fd)"},
    {"unshare", native_unshare, METH_VARARGS, "unshare(namespaces)"},
    {NULL, NULL, 0, NULL},
};

static int add_plan_steps(PyObject *module) {
    PyObject *steps = PyDict_New();
    if (steps == NULL) return -1;
    for (int op = 0; op < OP_COUNT; op++) {
        PyObject *entry = Py_BuildValue("(is)", op, plan_signatures[op].types);
        if (entry == NULL || PyDict_SetItemString(steps, plan_signatures[op].name, entry) < 0) {
            Py_XDECREF(entry);
            Py_DECREF(steps);
            return -1;
        }
        Py_DECREF(entry);
    }
    int failed = PyModule_AddObjectRef(module, "PLAN_STEPS", steps);
    Py_DECREF(steps);
    return failed;
}

static int populate(PyObject *module) {
    const struct {
        const char *name;
        long value;
    } constants[] = {
        {"PLAN_MAGIC", PLAN_MAGIC},
        {"PLAN_VERSION", PLAN_VERSION},
        {"INIT_HOLD", INIT_HOLD},
        {"REPORT_SIZE", sizeof(struct report)},
        {"REPORT_EXECUTING", REPORT_EXECUTING},
        {"REPORT_FAILED", REPORT_FAILED},
        {"REPORT_TERMINAL", REPORT_TERMINAL},
        {"REPORT_PROCESS", REPORT_PROCESS},
        {"EXIT_RECORD_SIZE", sizeof(struct exit_record)},
    };
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++) {
        if (PyModule_AddIntConstant(module, constants[i].name, constants[i].value) < 0) return -1;
    }
    if (add_plan_steps(module) < 0) return -1;
    return pocker_add_log_functions(module);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, populate},
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_native",
    .m_doc = "System calls that Python lacks; see runtime/_native.pyi.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&definition); }
