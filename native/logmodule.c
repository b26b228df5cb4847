// `runtime._native.LogPump`: the Python face of logpump.h. The interpreter lock is released while
// a pump works; a pump that another thread is using raises RuntimeError.
#include "logmodule.h"

#include <errno.h>

#include "logpump.h"

struct pump_object {
    PyObject head;
    struct logpump pump;
    bool fresh;
    bool busy;  // read and written under the interpreter lock only
};

// Returns the pump where it may be used now, or NULL with an exception set.
static struct logpump *usable(PyObject *self) {
    struct pump_object *object = (struct pump_object *)self;
    if (object->pump.spool == NULL) {
        PyErr_SetString(PyExc_ValueError, "the log pump is closed");
        return NULL;
    }
    if (object->busy) {
        PyErr_SetString(PyExc_RuntimeError, "the log pump is in use by another thread");
        return NULL;
    }
    return &object->pump;
}

static PyObject *pump_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
    int spool, holds_lines = 0;
    if (keywords != NULL && PyDict_Size(keywords) > 0) {
        PyErr_SetString(PyExc_TypeError, "LogPump() takes no keyword arguments");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "i|p", &spool, &holds_lines)) return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    struct pump_object *object = (struct pump_object *)allocate(type, 0);
    if (object == NULL) return NULL;
    if (logpump_open(&object->pump, spool, holds_lines, &object->fresh) < 0) {
        PyErr_SetFromErrno(PyExc_OSError);
        Py_DECREF(object);
        return NULL;
    }
    return (PyObject *)object;
}

static void pump_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    logpump_close(&((struct pump_object *)self)->pump);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static PyObject *pump_run(PyObject *self, PyObject *args) {
    struct logpump *pump = usable(self);
    int stream, pipe, log;
    unsigned long long limit;
    Py_ssize_t budget;
    if (pump == NULL || !PyArg_ParseTuple(args, "iiiKn", &stream, &pipe, &log, &limit, &budget)) {
        return NULL;
    }
    if (stream < 0 || stream >= LOGFRAME_STREAMS || budget < 0) {
        PyErr_SetString(PyExc_ValueError, "no such stream, or a negative budget");
        return NULL;
    }
    size_t read_bytes;
    enum logpump_outcome outcome;
    bool *busy = &((struct pump_object *)self)->busy;
    *busy = true;
    PyThreadState *thread = PyEval_SaveThread();
    outcome = logpump_run(pump, (enum logframe_stream)stream, pipe, log, limit, (size_t)budget,
                          &read_bytes);
    PyEval_RestoreThread(thread);
    *busy = false;
    if (outcome == LOGPUMP_BROKEN) {
        errno = pump->error;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    return Py_BuildValue("in", (int)outcome, (Py_ssize_t)read_bytes);
}

static PyObject *pump_take(PyObject *self, PyObject *args) {
    struct logpump *pump = usable(self);
    int stream, pipe;
    if (pump == NULL || !PyArg_ParseTuple(args, "ii", &stream, &pipe)) return NULL;
    if (stream < 0 || stream >= LOGFRAME_STREAMS) {
        PyErr_SetString(PyExc_ValueError, "no such stream");
        return NULL;
    }
    size_t read_bytes;
    enum logpump_outcome outcome =
        logpump_take(pump, (enum logframe_stream)stream, pipe, &read_bytes);
    if (outcome == LOGPUMP_BROKEN) {
        errno = pump->error;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    return Py_BuildValue("in", (int)outcome, (Py_ssize_t)read_bytes);
}

static PyObject *pump_pending(PyObject *self, PyObject *unused) {
    (void)unused;
    const struct logpump *pump = usable(self);
    if (pump == NULL) return NULL;
    PyObject *pending = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)logpump_pending(pump));
    if (pending != NULL) logpump_copy_pending(pump, PyBytes_AsString(pending));
    return pending;
}

static PyObject *pump_delivered(PyObject *self, PyObject *args) {
    struct logpump *pump = usable(self);
    Py_ssize_t size;
    if (pump == NULL || !PyArg_ParseTuple(args, "n", &size)) return NULL;
    if (size < 0 || logpump_delivered(pump, (size_t)size) < 0) {
        PyErr_SetString(PyExc_ValueError, "not as many bytes are pending, or more are held");
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *pump_hold(PyObject *self, PyObject *unused) {
    (void)unused;
    struct logpump *pump = usable(self);
    if (pump == NULL) return NULL;
    if (logpump_hold(pump) < 0) {
        PyErr_SetString(PyExc_ValueError, "more bytes are pending than can be held");
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *pump_flush(PyObject *self, PyObject *args) {
    struct logpump *pump = usable(self);
    int log;
    unsigned long long limit;
    if (pump == NULL || !PyArg_ParseTuple(args, "iK", &log, &limit)) return NULL;
    return PyLong_FromLong(logpump_flush(pump, log, limit));
}

static PyObject *pump_place(PyObject *self, PyObject *args) {
    struct logpump *pump = usable(self);
    unsigned long long offset;
    unsigned open;
    if (pump == NULL || !PyArg_ParseTuple(args, "KI", &offset, &open)) return NULL;
    logpump_place(pump, offset, open);
    Py_RETURN_NONE;
}

static PyObject *pump_drop(PyObject *self, PyObject *args) {
    struct logpump *pump = usable(self);
    int log;
    if (pump == NULL || !PyArg_ParseTuple(args, "i", &log)) return NULL;
    logpump_drop(pump, log);
    Py_RETURN_NONE;
}

static PyObject *pump_clear_losses(PyObject *self, PyObject *unused) {
    (void)unused;
    struct logpump *pump = usable(self);
    if (pump == NULL) return NULL;
    logpump_clear_losses(pump);
    Py_RETURN_NONE;
}

static PyObject *pump_batch(PyObject *self, PyObject *unused) {
    (void)unused;
    const struct logpump *pump = usable(self);
    if (pump == NULL) return NULL;
    return PyBytes_FromStringAndSize(pump->spool->batch, logpump_state(pump)->length);
}

static PyObject *pump_close(PyObject *self, PyObject *unused) {
    (void)unused;
    struct pump_object *object = (struct pump_object *)self;
    if (object->pump.spool != NULL && usable(self) == NULL) return NULL;
    logpump_close(&object->pump);
    Py_RETURN_NONE;
}

static PyObject *get_fresh(PyObject *self, void *unused) {
    (void)unused;
    return PyBool_FromLong(((struct pump_object *)self)->fresh);
}

static PyObject *get_error(PyObject *self, void *unused) {
    (void)unused;
    return PyLong_FromLong(((struct pump_object *)self)->pump.error);
}

static PyObject *get_offset(PyObject *self, void *unused) {
    (void)unused;
    const struct logpump *pump = usable(self);
    return pump == NULL ? NULL : PyLong_FromUnsignedLongLong(logpump_state(pump)->offset);
}

static PyObject *get_open_streams(PyObject *self, void *unused) {
    (void)unused;
    const struct logpump *pump = usable(self);
    return pump == NULL ? NULL : PyLong_FromLong(logpump_state(pump)->open);
}

static PyObject *get_losses(PyObject *self, void *unused) {
    (void)unused;
    const struct logpump *pump = usable(self);
    if (pump == NULL) return NULL;
    const struct logpump_state *state = logpump_state(pump);
    return Py_BuildValue("KK", (unsigned long long)state->lost_bytes,
                         (unsigned long long)state->lost_lines);
}

static PyObject *get_last_line(PyObject *self, void *unused) {
    (void)unused;
    const struct logpump *pump = &((struct pump_object *)self)->pump;
    return PyBytes_FromStringAndSize(pump->last, (Py_ssize_t)pump->last_length);
}

static PyMethodDef pump_methods[] = {
    {"run", pump_run, METH_VARARGS, "run(stream, pipe, log, limit, budget)"},
    {"take", pump_take, METH_VARARGS, "take(stream, pipe)"},
    {"pending", pump_pending, METH_NOARGS, "pending()"},
    {"delivered", pump_delivered, METH_VARARGS, "delivered(size)"},
    {"hold", pump_hold, METH_NOARGS, "hold()"},
    {"flush", pump_flush, METH_VARARGS, "flush(log, limit)"},
    {"place", pump_place, METH_VARARGS, "place(offset, open_streams)"},
    {"drop", pump_drop, METH_VARARGS, "drop(log)"},
    {"clear_losses", pump_clear_losses, METH_NOARGS, "clear_losses()"},
    {"batch", pump_batch, METH_NOARGS, "batch()"},
    {"close", pump_close, METH_NOARGS, "close()"},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef pump_attributes[] = {
    {"fresh", get_fresh, NULL, NULL, NULL},   {"error", get_error, NULL, NULL, NULL},
    {"offset", get_offset, NULL, NULL, NULL}, {"open_streams", get_open_streams, NULL, NULL, NULL},
    {"losses", get_losses, NULL, NULL, NULL}, {"last_line", get_last_line, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot pump_slots[] = {
    {Py_tp_new, pump_new},
    {Py_tp_dealloc, pump_dealloc},
    {Py_tp_methods, pump_methods},
    {Py_tp_getset, pump_attributes},
    {Py_tp_doc, "LogPump(spool): moves a job's output into its log; see runtime/_native.pyi."},
    {0, NULL},
};

static PyType_Spec pump_spec = {
    .name = "runtime._native.LogPump",
    .basicsize = sizeof(struct pump_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = pump_slots,
};

int pocker_add_log_functions(PyObject *module) {
    const struct {
        const char *name;
        long value;
    } constants[] = {
        {"LOG_BATCH", LOGPUMP_BATCH}, {"LOG_RECORD", LOGFRAME_RECORD},
        {"LOG_HELD", LOGPUMP_HELD},   {"LOG_DRAINED", LOGPUMP_DRAINED},
        {"LOG_MORE", LOGPUMP_MORE},   {"LOG_END", LOGPUMP_END},
        {"LOG_FULL", LOGPUMP_FULL},   {"LOG_FAILED", LOGPUMP_FAILED},
    };
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++) {
        if (PyModule_AddIntConstant(module, constants[i].name, constants[i].value) < 0) return -1;
    }
    PyObject *type = PyType_FromModuleAndSpec(module, &pump_spec, NULL);
    if (type == NULL) return -1;
    int failed = PyModule_AddObjectRef(module, "LogPump", type);
    Py_DECREF(type);
    return failed;
}
