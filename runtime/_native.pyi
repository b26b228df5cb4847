"""Types of the extension module built from native/module.c."""

from typing import Final

PLAN_STEPS: Final[dict[str, tuple[int, str]]]
"""Step name -> (number, argument types); see native/plan.h."""
PLAN_MAGIC: Final[int]
PLAN_VERSION: Final[int]
REPORT_SIZE: Final[int]
REPORT_EXECUTING: Final[int]
REPORT_FAILED: Final[int]
EXIT_RECORD_SIZE: Final[int]

def spawn(
    program: int,
    descriptors: tuple[int, ...],
    attach: tuple[int, ...],
    cgroup: int,
    namespaces: int,
    /,
) -> tuple[int, int]:
    """Start `program` by clone3; returns (pid, pidfd). Raises OSError that names the stage."""

def read_report(record: bytes, /) -> tuple[int, int, int, str]:
    """(kind, step, errno, detail) of a start report. Raises ValueError."""

def read_exit_record(
    record: bytes, /
) -> tuple[int, int, bool, int, int, int, int, int, int] | None:
    """(code, signal, core dumped, started ns, ended ns, elapsed ns, user us, system us, max rss
    kB), or None where the record is torn or not one."""

def openat2(directory: int, path: str | bytes, flags: int, resolve: int, /) -> int:
    """openat2(2); the descriptor is close-on-exec."""
