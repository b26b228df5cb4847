// Adds the log pump to the extension module; documented in runtime/_native.pyi.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

// Returns 0, or -1 with a Python exception set.
int pocker_add_log_functions(PyObject *module);
