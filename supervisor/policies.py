"""The parts of a job that are tables: what it waits for, when it is tried again, its log.

Frozen values with plain numbers, like the job that has them (supervisor/jobspec.py).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from attrs import Factory, field, frozen

from runtime.errors import SpecError
from runtime.units import format_duration
from supervisor.kinds import (
    Count,
    Duration,
    Factor,
    Flag,
    HealthTest,
    Kind,
    LogDriver,
    Share,
    Size,
)

LONGEST_PAUSE = 300.0
SMALLEST_LOG = 64 << 10


class Condition(StrEnum):
    """What a job waits for in a job that it depends on."""

    STARTED = "service_started"
    HEALTHY = "service_healthy"
    COMPLETED = "service_completed_successfully"


Awaited = Annotated[
    Condition,
    Kind('`"service_started"`, `"service_healthy"` or `"service_completed_successfully"`'),
]


@frozen(kw_only=True)
class Dependency:
    """A job that must have started or succeeded before another one begins."""

    job: str
    condition: Awaited
    """What is waited for."""


class RestartKind(StrEnum):
    """When another attempt follows one that has ended."""

    NO = "no"
    ON_FAILURE = "on-failure"
    ALWAYS = "always"
    UNLESS_STOPPED = "unless-stopped"


@frozen(kw_only=True)
class RestartPolicy:
    """Whether a job is kept running; `max_restarts` bounds on-failure, None is without end."""

    kind: RestartKind = RestartKind.NO
    max_restarts: int | None = None

    @property
    def endless(self) -> bool:
        """Whether the job never completes by itself."""
        return self.kind in (RestartKind.ALWAYS, RestartKind.UNLESS_STOPPED)

    @property
    def awaited(self) -> Condition:
        """What ``depends_on = ["this job"]`` waits for.

        systemd's rule: After= waits for the end of a oneshot unit and for the start of any
        other. A job that is always restarted has no end, and waiting for it would be forever.
        """
        return Condition.STARTED if self.endless else Condition.COMPLETED


@frozen(kw_only=True)
class Backoff:
    """The pauses between attempts, in seconds: initial, times factor, ... up to max."""

    initial: Duration = 1.0
    """The first pause."""
    factor: Factor = 2.0
    """What each pause is multiplied by for the next."""
    max: Duration = field(
        default=Factory(lambda self: max(LONGEST_PAUSE, self.initial), takes_self=True)
    )
    """The longest pause.

    Unset: 5m, or `initial` where that is longer.
    """
    jitter: Share = 0.1
    """Part of a pause that is left to chance."""

    def __attrs_post_init__(self) -> None:
        if self.max < self.initial:
            raise SpecError("max", f"is below initial, which is {format_duration(self.initial)}")


@frozen(kw_only=True)
class Healthcheck:
    """How it is found out, while a job runs, whether it does its work; Compose's."""

    test: HealthTest | None = None
    """What is run in the job's container, as its user. Exit code 0 means healthy.

    Unset: the image's own; a job of another root needs one.
    """
    interval: Duration | None = None
    """The pause before the first test and between two tests.

    Unset: the image's own, or `30s`.
    """
    timeout: Duration | None = None
    """How long a test may take; then it is killed and has failed.

    Unset: the image's own, or `30s`.
    """
    retries: Count | None = None
    """After so many failed tests in a row the job is unhealthy.

    Unset: the image's own, or 3.
    """
    start_period: Duration | None = None
    """For so long a job that was never healthy is only starting, whatever its tests say.

    Unset: the image's own, or none.
    """
    start_interval: Duration | None = None
    """The pause between tests during that time.

    Unset: the image's own, or `5s`.
    """
    disable: Flag = False
    """Whether nothing is tested although the image has a test; then nothing else is set here."""

    def __attrs_post_init__(self) -> None:
        for name in ("interval", "timeout", "start_interval"):
            if getattr(self, name) == 0:
                raise SpecError(name, "must be above zero")
        given = (
            self.test, self.interval, self.timeout, self.retries, self.start_period,
            self.start_interval,
        )  # fmt: skip
        if self.disable and any(value is not None for value in given):
            raise SpecError("disable", "leaves nothing for the other keys to say")


@frozen(kw_only=True)
class SecurityOptions:
    """Protections that are on unless a job turns them off.

    `seccomp_profile` is JSON in place of the built-in profile. As long as it has not been read,
    `seccomp_file` is the path of it.
    """

    no_new_privileges: bool = True
    seccomp: bool = True
    seccomp_file: str | None = None
    seccomp_profile: str | None = None

    def words(self) -> tuple[str, ...]:
        """The same as it may stand in a jobs file anywhere."""
        privileges = () if self.no_new_privileges else ("no-new-privileges:false",)
        if not self.seccomp:
            return (*privileges, "seccomp=unconfined")
        profile = self.seccomp_file or self.seccomp_profile
        return privileges if profile is None else (*privileges, f"seccomp={profile}")


@frozen(kw_only=True)
class LogOptions:
    """Where a job's output goes, and how much of it is kept."""

    driver: LogDriver = "file"
    """`file` keeps it in files that `pocker logs` reads, `journald` sends each line to the systemd
    journal, with fields such as POCKER_JOB and POCKER_STREAM; the keys about files mean nothing
    then.
    """
    max_size: Size = 10 << 20
    """Bytes after which a new file is begun."""
    max_files: Count = 5
    """How many files are kept."""
    compress: Flag = False
    """Whether complete files are compressed with zstd. Plain ones any program can search."""
    merge: Flag = False
    """Whether stdout and stderr share one pipe: their order is exact, and which line came from
    which is lost.
    """

    def __attrs_post_init__(self) -> None:
        if self.max_size < SMALLEST_LOG:
            raise SpecError("max_size", f"{self.max_size} bytes is below the minimum of 64k")
        if self.compress and self.driver == "journald":
            raise SpecError("compress", "there are no files to compress with driver = 'journald'")


# The condition of the list form follows from the other job's restart policy, so the reader makes
# the dependencies once all jobs are known.
DependsOn = Annotated[
    tuple[Dependency, ...],
    Kind("list of job names, or table of job names to tables", Dependency),
]
Restart = Annotated[
    RestartPolicy,
    Kind('`"no"`, `"on-failure"`, `"on-failure:N"`, `"always"` or `"unless-stopped"`'),
]
Pauses = Annotated[Backoff, Kind("duration of the first pause, or a table", Backoff)]
SecurityOpt = Annotated[
    SecurityOptions,
    Kind(
        'list of `"no-new-privileges:false"`, `"no-new-privileges:true"`, `"seccomp=FILE"`,'
        ' `"seccomp=builtin"`, `"seccomp=unconfined"`'
    ),
]
Health = Annotated[Healthcheck, Kind("table", Healthcheck)]
Log = Annotated[LogOptions, Kind("table", LogOptions)]
