"""Types of the extension module built from native/module.c."""

from typing import Final, Self

PLAN_STEPS: Final[dict[str, tuple[int, str]]]
"""Step name -> (number, argument types); see native/plan.h."""
INIT_HOLD: Final[int]
PLAN_MAGIC: Final[int]
PLAN_VERSION: Final[int]
REPORT_SIZE: Final[int]
REPORT_EXECUTING: Final[int]
REPORT_FAILED: Final[int]
REPORT_TERMINAL: Final[int]
REPORT_PROCESS: Final[int]
EXIT_RECORD_SIZE: Final[int]

LOG_BATCH: Final[int]
LOG_RECORD: Final[int]
LOG_HELD: Final[int]
LOG_DRAINED: Final[int]
LOG_MORE: Final[int]
LOG_END: Final[int]
LOG_FULL: Final[int]
LOG_FAILED: Final[int]

class LogPump:
    """Moves a job's output into its log; see native/logpump.h. Not for several threads at once."""

    def __new__(cls, spool: int, holds_lines: bool = False, /) -> Self:
        """Map a spool file. Raises OSError."""

    @property
    def fresh(self) -> bool:
        """Whether the spool was empty."""

    @property
    def error(self) -> int:
        """Errno of the last LOG_FAILED."""

    @property
    def offset(self) -> int:
        """Where the next record goes in the log."""

    @property
    def open_streams(self) -> int:
        """Bit per stream: it is in the middle of a line."""

    @property
    def losses(self) -> tuple[int, int]:
        """(bytes, lines) dropped since `clear_losses`."""

    @property
    def last_line(self) -> bytes:
        """The beginning of the newest output that is not empty."""

    def run(self, stream: int, pipe: int, log: int, limit: int, budget: int, /) -> tuple[int, int]:
        """Read, frame, write; returns (LOG_ outcome, bytes read). Raises OSError for the pipe."""

    def take(self, stream: int, pipe: int, /) -> tuple[int, int]:
        """Read where nothing is left to deliver; returns (LOG_ outcome, bytes read).

        LOG_MORE: there is something to deliver. Raises OSError for the pipe.
        """

    def pending(self) -> bytes:
        """What there is to deliver."""

    def delivered(self, size: int, /) -> None:
        """So much of it has been delivered. Raises ValueError where that cannot be."""

    def hold(self) -> None:
        """Hold all of it, at most LOG_HELD bytes, until more has come. Raises ValueError."""

    def flush(self, log: int, limit: int, /) -> int:
        """Write what a former pump left in the spool; returns a LOG_ outcome."""

    def place(self, offset: int, open_streams: int, /) -> None:
        """Go on at `offset` of the log."""

    def drop(self, log: int, /) -> None:
        """Drop the batch at hand and count it as lost."""

    def clear_losses(self) -> None:
        """Begin to count losses anew."""

    def batch(self) -> bytes:
        """The raw bytes of the last batch."""

    def close(self) -> None:
        """Unmap the spool; may be called again."""

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
    """Decode an exit record; None where it is torn or not one.

    (code, signal, core dumped, started ns, ended ns, elapsed ns, user us, system us, max rss kB)
    """

def openat2(directory: int, path: str | bytes, flags: int, resolve: int, /) -> int:
    """Open a path below a directory, see the man page; the descriptor is close-on-exec."""

def open_overlay(
    lower: bytes, upper: bytes, work: bytes, mountpoint: bytes, user_xattrs: bool, /
) -> int:
    """A descriptor of the root of an overlay over these layers, topmost first, each with its NUL.

    Where `upper` is empty nothing can be written. With `user_xattrs` its marks are attributes that
    need no rights, ``user.overlay.*``. The thread that calls this gets a mount namespace
    of its own and is to do nothing else: once it has ended the overlay is mounted nowhere, and goes
    with the descriptor. Raises OSError.
    """

def unshare(namespaces: int, /) -> None:
    """Be in new namespaces from now on, see the man page. Raises OSError."""

def syncfs(fd: int, /) -> None:
    """Make everything on the file system of `fd` durable, see the man page. Raises OSError."""
