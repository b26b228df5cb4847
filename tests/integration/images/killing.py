"""Processes that are killed at a chosen step of what they do."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

STEPS = ("fsync", "mkdir", "open", "rename", "rmdir", "unlink", "write")


def dies_at(step: int, action: Callable[[], object]) -> bool:
    """Carry it out in a process that is killed before its nth call; tells whether it was."""
    pid = os.fork()
    if pid == 0:
        counted = [0]

        def before(call: Callable[..., object]) -> Callable[..., object]:
            def counting(*arguments: object, **named: object) -> object:
                counted[0] += 1
                if counted[0] == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                return call(*arguments, **named)

            return counting

        for name in STEPS:
            setattr(os, name, before(getattr(os, name)))
        try:
            action()
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)
