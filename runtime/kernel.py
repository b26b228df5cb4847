"""The one door to the C extension: no other module imports `runtime._native`."""

from __future__ import annotations

import os

import runtime._native
from runtime._native import (
    EXIT_RECORD_SIZE,
    INIT_HOLD,
    LOG_BATCH,
    LOG_DRAINED,
    LOG_END,
    LOG_FAILED,
    LOG_FULL,
    LOG_HELD,
    LOG_MORE,
    LOG_RECORD,
    PLAN_MAGIC,
    PLAN_STEPS,
    PLAN_VERSION,
    REPORT_EXECUTING,
    REPORT_FAILED,
    REPORT_PROCESS,
    REPORT_SIZE,
    REPORT_TERMINAL,
    LogPump,
    open_overlay,
    openat2,
    read_exit_record,
    read_report,
    spawn,
    syncfs,
    unshare,
)

__all__ = [
    "CLONE_NEWCGROUP",
    "CLONE_NEWIPC",
    "CLONE_NEWNET",
    "CLONE_NEWNS",
    "CLONE_NEWPID",
    "CLONE_NEWUSER",
    "CLONE_NEWUTS",
    "EXIT_RECORD_SIZE",
    "INIT",
    "INIT_HOLD",
    "LOG_BATCH",
    "LOG_DRAINED",
    "LOG_END",
    "LOG_FAILED",
    "LOG_FULL",
    "LOG_HELD",
    "LOG_MORE",
    "LOG_RECORD",
    "PLAN_MAGIC",
    "PLAN_STEPS",
    "PLAN_VERSION",
    "REPORT_EXECUTING",
    "REPORT_FAILED",
    "REPORT_PROCESS",
    "REPORT_SIZE",
    "REPORT_TERMINAL",
    "RESOLVE_BENEATH",
    "RESOLVE_IN_ROOT",
    "RESOLVE_NO_MAGICLINKS",
    "RESOLVE_NO_SYMLINKS",
    "LogPump",
    "open_overlay",
    "openat2",
    "read_exit_record",
    "read_report",
    "spawn",
    "syncfs",
    "unshare",
]

INIT = os.path.join(os.path.dirname(runtime._native.__file__), "init")
"""The program `init`: it is made with the extension, and lies beside it."""

# As in the man pages of clone and openat2.
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_IN_ROOT = 0x10
