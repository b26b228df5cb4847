"""What each key of a job's table means: every form it may be written in, and its value."""

from __future__ import annotations

import signal

import pytest
from attrs.exceptions import FrozenInstanceError
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import SpecError
from runtime.limits import DEFAULT_PIDS, IoLimit, Limits
from supervisor.jobsfile import load
from supervisor.jobspec import JobSpec
from supervisor.mounts import Device, Tmpfs, Volume
from supervisor.policies import (
    Backoff,
    Condition,
    LogOptions,
    RestartKind,
    RestartPolicy,
    SecurityOptions,
)
from supervisor.resources import Ulimit

OWN = {"HOME": "/home/me", "EMPTY": ""}


def job(lines: str, *, image: str = 'image = "host"', command: str = 'command = ["x"]') -> JobSpec:
    """The job that these lines of its table make, in the file /srv/etl/jobs.toml."""
    text = f"[jobs.a]\n{image}\n{command}\n{lines}\n"
    return load(text.encode(), "/srv/etl/jobs.toml", OWN).jobs["a"]


FORMS = [
    ("working_dir = '/srv//data/'", "working_dir", "/srv/data"),
    ("user = 1000", "user", "1000"),
    ("user = 'nobody:1'", "user", "nobody:1"),
    ("user = '4294967294:4294967294'", "user", "4294967294:4294967294"),
    ("group_add = ['audio', 7]", "group_add", ("audio", "7")),
    ("hostname = 'w-1.example'", "hostname", "w-1.example"),
    ("init = false", "init", False),
    ("environment = { A = 'x', B = 2, C = 1.5, D = true }", "environment",
     {"A": "x", "B": "2", "C": "1.5", "D": "true"}),
    ("environment = ['A=x=y', 'B=', 'HOME', 'NOT_SET']", "environment",
     {"A": "x=y", "B": "", "HOME": "/home/me"}),
    ("env_file = 'a.env'", "env_file", ("/srv/etl/a.env",)),
    ("env_file = ['/a.env', '../b.env']", "env_file", ("/a.env", "/srv/b.env")),
    ("labels = { a = 'b', n = 1 }", "labels", {"a": "b", "n": "1"}),
    ("labels = ['a=b', 'c']", "labels", {"a": "b", "c": ""}),
    ("volumes = ['./d:/d', '/x:/y:ro', '../z:/z:rw', '.:/here']", "volumes", (
        Volume(source="/srv/etl/d", target="/d"),
        Volume(source="/x", target="/y", read_only=True),
        Volume(source="/srv/z", target="/z"),
        Volume(source="/srv/etl", target="/here"),
    )),
    ("volumes = ['/a:/a:ro,z,rslave', '/b:/b:Z', '/c:/c:rprivate,cached']", "volumes", (
        Volume(source="/a", target="/a", read_only=True, propagation="rslave"),
        Volume(source="/b", target="/b"),
        Volume(source="/c", target="/c"),
    )),
    ("volumes = [{ source = './a:b', target = '/t', read_only = true }]", "volumes",
     (Volume(source="/srv/etl/a:b", target="/t", read_only=True),)),
    ("volumes = ['/scratch/', { target = '/t', read_only = true }]", "volumes",
     (Volume(target="/scratch"), Volume(target="/t", read_only=True))),
    ("tmpfs = ['/tmp', '/run:size=1m,mode=755']", "tmpfs",
     (Tmpfs(target="/tmp"), Tmpfs(target="/run", size=1 << 20, mode=0o755))),
    ("tmpfs = ['/tmp:rw,noexec,nosuid,nodev,size=1m']", "tmpfs",
     (Tmpfs(target="/tmp", size=2**20, noexec=True),)),
    ("tmpfs = [{ target = '/tmp', size = '1m', mode = '0700' }]", "tmpfs",
     (Tmpfs(target="/tmp", size=1 << 20, mode=0o700),)),
    ("devices = ['/dev/fuse', '/dev/a:/dev/b', '/dev/a:/dev/c:r']", "devices", (
        Device(source="/dev/fuse", target="/dev/fuse"),
        Device(source="/dev/a", target="/dev/b"),
        Device(source="/dev/a", target="/dev/c", access="r"),
    )),
    ("read_only = true", "read_only", True),
    ("retries = 3", "retries", 3),
    ("backoff = '5s'", "backoff", Backoff(initial=5)),
    ("backoff = 0.5", "backoff", Backoff(initial=0.5)),
    ("backoff = '10m'", "backoff", Backoff(initial=600, max=600)),
    ("backoff = { initial = '2s', factor = 3, max = '1m', jitter = 0 }", "backoff",
     Backoff(initial=2, factor=3, max=60, jitter=0)),
    ("restart = 'no'", "restart", RestartPolicy()),
    ("restart = 'on-failure'", "restart", RestartPolicy(kind=RestartKind.ON_FAILURE)),
    ("restart = 'on-failure:5'", "restart",
     RestartPolicy(kind=RestartKind.ON_FAILURE, max_restarts=5)),
    ("restart = 'always'", "restart", RestartPolicy(kind=RestartKind.ALWAYS)),
    ("restart = 'unless-stopped'", "restart", RestartPolicy(kind=RestartKind.UNLESS_STOPPED)),
    ("timeout = '1h30m'", "timeout", 5400.0),
    ("timeout = 1.5", "timeout", 1.5),
    ("stop_signal = 'SIGINT'", "stop_signal", 2),
    ("stop_signal = 'int'", "stop_signal", 2),
    ("stop_signal = 'RTMIN+3'", "stop_signal", signal.SIGRTMIN + 3),
    ("stop_signal = 'SIGRTMAX-1'", "stop_signal", signal.SIGRTMAX - 1),
    ("stop_signal = 9", "stop_signal", 9),
    ("forward_signals = ['USR1', 28]", "forward_signals", (10, 28)),
    ("stop_grace_period = 0", "stop_grace_period", 0.0),
    ("success_codes = [0, 3, 143]", "success_codes", (0, 3, 143)),
    ("allow_failure = true", "allow_failure", True),
    ("ulimits = { nofile = 1024, core = { soft = 0, hard = -1 } }", "ulimits",
     {"nofile": Ulimit(soft=1024, hard=1024), "core": Ulimit(soft=0, hard=-1)}),
    ("cap_add = ['net_admin', 'CAP_KILL', 'ALL']", "cap_add",
     ("CAP_NET_ADMIN", "CAP_KILL", "ALL")),
    ("cap_drop = ['all']", "cap_drop", ("ALL",)),
    ("security_opt = ['no-new-privileges:false', 'seccomp=unconfined']", "security_opt",
     SecurityOptions(no_new_privileges=False, seccomp=False)),
    ("security_opt = ['no-new-privileges']", "security_opt", SecurityOptions()),
    ("security_opt = ['seccomp=p.json']", "security_opt",
     SecurityOptions(seccomp_file="/srv/etl/p.json")),
    ("security_opt = ['seccomp=/p.json', 'seccomp=builtin']", "security_opt", SecurityOptions()),
    ("security_opt = ['seccomp=unconfined', 'seccomp=/p']", "security_opt",
     SecurityOptions(seccomp_file="/p")),
    ("security_opt = ['seccomp=/p', 'seccomp=unconfined']", "security_opt",
     SecurityOptions(seccomp=False)),
    ("security_opt = ['seccomp={\"defaultAction\": \"SCMP_ACT_LOG\"}']", "security_opt",
     SecurityOptions(seccomp_profile='{"defaultAction":"SCMP_ACT_LOG"}')),
    ("sysctls = { 'net.core.somaxconn' = 1024, 'kernel.sem' = '1 2 3 4' }", "sysctls",
     {"net.core.somaxconn": "1024", "kernel.sem": "1 2 3 4"}),
    ("network_mode = 'host'", "network_mode", "host"),
    ("log = { max_size = '1m', max_files = 2, merge = true }", "log",
     LogOptions(max_size=1 << 20, max_files=2, merge=True)),
    ("log = { driver = 'journald' }", "log", LogOptions(driver="journald")),
    ("log = { compress = true }", "log", LogOptions(compress=True)),
    ("memory = '64m'", "limits", Limits(memory=64 << 20)),
    ("memory = '64m'\nmemory_swap = -1", "limits", Limits(memory=64 << 20, memory_swap=-1)),
    ("memory_reservation = '1m'", "limits", Limits(memory_reservation=1 << 20)),
    ("cpus = '0.5'\ncpuset = '0-1,3'\ncpu_weight = 7", "limits",
     Limits(cpus=0.5, cpuset="0-1,3", cpu_weight=7)),
    ("pids_limit = 5", "limits", Limits(pids=5)),
    ("pids_limit = -1", "limits", Limits(pids=None)),
    ("io = [{ device = '/dev/sda', read_bytes = '1m', write_operations = 9 }]", "limits",
     Limits(io=(IoLimit(device="/dev/sda", read_bytes=1 << 20, write_operations=9),))),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "name", "value"), FORMS, ids=[form[0] for form in FORMS])
def test_key_has_its_value(lines: str, name: str, value: object) -> None:
    """Each form in which a key may be written becomes the plain value of its field."""
    assert getattr(job(lines), name) == value


def test_what_is_left_out_has_a_safe_default() -> None:
    """A job that says no more than what to run is limited, isolated and not tried again."""
    plain = job("")
    assert plain.limits == Limits(pids=DEFAULT_PIDS)
    assert plain.network_mode == "none"
    assert plain.security_opt == SecurityOptions(no_new_privileges=True, seccomp=True)
    assert (plain.cap_add, plain.devices, plain.environment) == ((), (), {})
    assert (plain.user, plain.init, plain.retries, plain.restart) == (
        None,
        True,
        0,
        RestartPolicy(),
    )
    assert (plain.stop_signal, plain.stop_grace_period, plain.timeout) == (None, 10.0, None)
    assert (plain.success_codes, plain.allow_failure) == ((0,), False)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("image = 'host'", ("host", None)),
        ("image = './root'", ("/srv/etl/root", None)),
        ("image = '../root'", ("/srv/root", None)),
        ("image = '/root'", ("/root", None)),
        ("image = '.'", ("/srv/etl", None)),
        ("image = 'busybox'", ("busybox", None)),
        ("image = 'localhost:5000/a/b:v1'", ("localhost:5000/a/b:v1", None)),
        ("rootfs = 'root'", (None, "/srv/etl/root")),
    ],
)
def test_image_is_the_host_a_directory_or_a_name(
    image: str, expected: tuple[str | None, str | None]
) -> None:
    """A relative directory starts where the file is, whatever the current directory."""
    found = job("", image=image)
    assert (found.image, found.rootfs) == expected


@pytest.mark.parametrize(
    ("command", "entrypoint_and_command"),
    [
        ("command = ['a', 'b c']", ("a", "b c")),
        ("command = 'a | b'", ("/bin/sh", "-c", "a | b")),
        ("entrypoint = ['e', '']", ("e", "")),
        ("entrypoint = 'nice -n \"1 0\"'\ncommand = ['x']", ("nice", "-n", "1 0", "x")),
        ("entrypoint = 'nice'\ncommand = 'a; b'", ("nice", "/bin/sh", "-c", "a; b")),
    ],
)
def test_string_commands_run_in_a_shell(
    command: str, entrypoint_and_command: tuple[str, ...]
) -> None:
    """A list is taken as it is, a string command is a shell's, a string entrypoint is words."""
    found = job("", command=command)
    assert (*found.entrypoint, *found.command) == entrypoint_and_command


def test_list_of_dependencies_waits_for_what_will_happen() -> None:
    """The list form waits for a job's success, but only for the start of one without an end."""
    text = """
        [defaults]
        image = "host"
        command = "true"
        [jobs.once]
        [jobs.retried]
        restart = "on-failure"
        [jobs.kept]
        restart = "always"
        [jobs.kept-too]
        restart = "unless-stopped"
        [jobs.last]
        depends_on = ["once", "retried", "kept", "kept-too"]
        [jobs.explicit]
        depends_on = { once = { condition = "service_started" } }
        [jobs.served]
        depends_on = { tested = { condition = "service_healthy" } }
        [jobs.tested]
        healthcheck = { test = "true" }
    """
    jobs = load(text.encode(), "/x/jobs.toml", {}).jobs
    assert [(need.job, need.condition) for need in jobs["last"].depends_on] == [
        ("once", Condition.COMPLETED),
        ("retried", Condition.COMPLETED),
        ("kept", Condition.STARTED),
        ("kept-too", Condition.STARTED),
    ]
    assert [need.condition for need in jobs["explicit"].depends_on] == [Condition.STARTED]
    assert [need.condition for need in jobs["served"].depends_on] == [Condition.HEALTHY]


def test_job_cannot_be_changed() -> None:
    """A job that was checked stays what it was."""
    with pytest.raises(FrozenInstanceError):
        job("").name = "other"  # type: ignore[misc]  # what this test is about


def test_a_longer_first_pause_moves_the_longest() -> None:
    """The default of the longest pause is never below the first one; a given one may not be."""
    assert Backoff(initial=900).max == 900
    with pytest.raises(SpecError, match="max: is below initial, which is 1m30s"):
        Backoff(initial=90, max=60)


@given(soft=st.integers(-3, 5), hard=st.integers(-3, 5))
def test_soft_limit_is_never_above_the_hard_one(soft: int, hard: int) -> None:
    """-1 is above every number; below it there is nothing."""
    fits = hard == -1 or 0 <= soft <= hard
    if soft >= -1 and hard >= -1 and fits:
        assert Ulimit(soft=soft, hard=hard).soft == soft
    else:
        with pytest.raises(SpecError):
            Ulimit(soft=soft, hard=hard)
