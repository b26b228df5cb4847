"""`pocker run`: one command in a container that is made for it and goes with it.

No supervisor takes part. The user's terminal or pipes are the command's, the exit code is its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from supervisor.cli import candidates, detachkeys
from supervisor.cli.failure import START_FAILED, Failure
from supervisor.cli.here import here
from supervisor.cli.settings import Settings
from supervisor.forkserver.bond import is_bound

if TYPE_CHECKING:
    from supervisor.cli.wanted import Wanted
    from supervisor.jobspec import JobSpec

NOT_A_TERMINAL = 1
"""As Docker has it."""


def _many(*names: str, metavar: str, text: str) -> Callable[[Any], Any]:
    return click.option(*names, multiple=True, metavar=metavar, help=text)


def _one(*names: str, metavar: str, text: str) -> Callable[[Any], Any]:
    return click.option(*names, metavar=metavar, help=text)


@click.command(
    context_settings={"help_option_names": ["--help"], "allow_interspersed_args": False},
)
@click.option("-i", "--interactive", is_flag=True, help="Let the command read what comes in here.")
@click.option("-t", "--tty", is_flag=True, help="Give the command a terminal.")
@click.option("-d", "--detach", is_flag=True, help="Leave it to a supervisor; print its id.")
@detachkeys.option()
@click.option("--rm", is_flag=True, help="Remove it in the end; without -d so it is in any case.")
@_one("--name", metavar="NAME", text="What the container is called.")
@click.option(
    "--pull",
    type=click.Choice(("missing", "always", "never")),
    default="missing",
    show_default=True,
    help="When to bring the image from its registry.",
)
@click.option("-q", "--quiet", is_flag=True, help="Do not tell how that goes.")
@_one("-m", "--memory", metavar="SIZE", text="Memory for all its processes together.")
@_one("--memory-swap", metavar="SIZE", text="Memory plus swap; -1 for no limit of swap.")
@_one("--memory-reservation", metavar="SIZE", text="Memory to leave to it if possible.")
@_one("--cpus", metavar="NUMBER", text="Processor time per second of clock time.")
@_one("--cpuset-cpus", metavar="LIST", text="The CPUs to run on, such as 0-3,6.")
@click.option("-c", "--cpu-shares", type=click.IntRange(2, 262144), help="Share; 1024 is usual.")
@click.option("--pids-limit", type=int, help="Processes and threads; -1 for no limit.")
@_many("-v", "--volume", metavar="[SRC:]DST[:ro]", text="Show a path of the host, or a volume.")
@_many("--mount", metavar="OPTIONS", text="type=bind|volume|tmpfs,source=SRC,target=DST,readonly.")
@_many("--tmpfs", metavar="DST[:OPTIONS]", text="An empty file system in memory.")
@_many("-e", "--env", metavar="KEY[=VALUE]", text="A variable; KEY alone passes yours on.")
@_many("--env-file", metavar="FILE", text="Variables of a file.")
@_one("-w", "--workdir", metavar="DIR", text="Where the command starts.")
@_one("-u", "--user", metavar="USER[:GROUP]", text="Who it runs as.")
@_many("--group-add", metavar="GROUP", text="A further group of that user.")
@_one("-h", "--hostname", metavar="NAME", text="The host name that it sees.")
@_many("--add-host", metavar="HOST:IP", text="A line for its /etc/hosts.")
@_one("--entrypoint", metavar="PROGRAM", text="What the command is started by.")
@click.option("--read-only", is_flag=True, help="Let nothing be written to the root.")
@_many("--cap-add", metavar="NAME", text="A capability beyond the usual ones.")
@_many("--cap-drop", metavar="NAME", text="A capability to take away, or ALL.")
@click.option("--privileged", is_flag=True, help="Let it do what root on the host may.")
@_many("--security-opt", metavar="OPTION", text="seccomp=FILE|unconfined, no-new-privileges:false.")
@_many("--ulimit", metavar="NAME=SOFT[:HARD]", text="A limit for each process.")
@_many("--sysctl", metavar="NAME=VALUE", text="A kernel setting of its own.")
@_many("--device", metavar="SRC[:DST[:rwm]]", text="A device of the host.")
@click.option("--network", "--net", metavar="none|host", help="none, unless said otherwise.")
@click.option("--init", is_flag=True, help="Put a small PID 1 before the command.")
@_one("--restart", metavar="POLICY", text="no, on-failure[:N], always or unless-stopped.")
@_one("--stop-signal", metavar="SIGNAL", text="What asks the command to end.")
@click.option("--stop-timeout", type=int, help="Seconds that it has then before it is killed.")
@_one("--health-cmd", metavar="COMMAND", text="What tells whether it does its work.")
@_one("--health-interval", metavar="DURATION", text="The pause between two such tests.")
@_one("--health-timeout", metavar="DURATION", text="How long one may take.")
@click.option("--health-retries", type=int, help="Failed ones in a row that say it does not.")
@_one("--health-start-period", metavar="DURATION", text="How long failed ones say nothing.")
@_one("--health-start-interval", metavar="DURATION", text="The pause between tests meanwhile.")
@click.option("--no-healthcheck", is_flag=True, help="Test nothing, whatever the image says.")
@_one("--log-driver", metavar="DRIVER", text="json-file, local or journald.")
@_many("--log-opt", metavar="NAME=VALUE", text="max-size=SIZE, max-file=N, compress=true.")
@_many("-l", "--label", metavar="KEY=VALUE", text="A text that changes nothing.")
@click.argument("image", shell_complete=candidates.roots)
@click.argument("command_", metavar="[COMMAND]...", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def command(settings: Settings, /, **options: Any) -> int:
    """Run COMMAND in a container made of IMAGE, and remove it in the end.

    With -d a supervisor looks after it, which is started if there is none, and it stays until it is
    removed. IMAGE is an image of the store, `host` for the host's own programs, or a directory that
    starts with /, ./ or ../. Options take what the keys of a jobs file take.
    """
    with refusals():
        return (_leave if options["detach"] else _attend)(settings, options)


@contextmanager
def refusals(*, unstarted: int = START_FAILED) -> Iterator[None]:
    """What is wrong with a container is a line, and Docker's code.

    That is `unstarted` where it cannot be started for another reason than its command.
    """
    from runtime.errors import ContainerError
    from supervisor.problems import JobsFileError
    from supervisor.runorder import OrderError, by_option

    try:
        yield
    except (OrderError, JobsFileError) as error:  # the latter of the settings of registries
        raise Failure(str(error), code=START_FAILED) from error
    except ContainerError as error:
        code = getattr(error, "code", START_FAILED)
        code = unstarted if code == START_FAILED else code
        raise Failure(by_option(str(error)), code=code) from error


def _attend(settings: Settings, options: Mapping[str, Any]) -> int:
    """Run it to its end."""
    from supervisor.cli.oneshot import carry_out
    from supervisor.cli.wanted import Wanted

    if options["interactive"] and options["tty"] and not os.isatty(0):
        raise Failure("the input device is not a TTY", code=NOT_A_TERMINAL)
    if any(options[name] not in (None, (), "no") for name in _SUPERVISED):
        return _attend_with_supervisor(settings, options)
    if options["interactive"] and options["tty"]:
        # Who has no terminal pays for nothing of this.
        from supervisor.forkserver.aside import step_aside

        step_aside()
    table = _table(options)
    job = _job(settings, {**table, "init": options["init"]}, options["name"])
    _provide(settings, job, options)
    wanted = Wanted(
        table={**table, "tty": options["tty"], "stdin_open": options["interactive"]},
        job=job,
        name=options["name"],
        remove=options["rm"],
    )
    keys = options["detach_keys"] if options["interactive"] and options["tty"] else None
    if not is_bound():
        keys = None  # who would be left is the process that the shell waits for
    return carry_out(settings, wanted, keys)


def _attend_with_supervisor(settings: Settings, options: Mapping[str, Any]) -> int:
    from supervisor.cli.watched import carry_out

    if options["log_driver"] == "journald":
        raise Failure(
            "--log-driver journald: only with -d: nothing of it would be seen here",
            code=START_FAILED,
        )
    return carry_out(settings, lasting(settings, options), options["detach_keys"])


def _leave(settings: Settings, options: Mapping[str, Any]) -> int:
    """Leave it to a supervisor."""
    from supervisor.cli.detach import detach

    click.echo(detach(settings, lasting(settings, options)))
    return 0


def _job(settings: Settings, table: Mapping[str, object], name: str | None) -> JobSpec:
    """What is asked for, where it can be had and the name is free. Raises Failure or OrderError."""
    from supervisor.cli.machine import check_machine
    from supervisor.runorder import read_order

    job = _with_profile(read_order(table, here(), os.environ))
    if name is not None:
        _check_name(settings, name)
    check_machine(job)
    return job


def _with_profile(job: JobSpec) -> JobSpec:
    if job.security_opt.seccomp_file is None:
        return job
    from attrs import evolve

    from supervisor.sources import with_profile

    try:
        return evolve(job, security_opt=with_profile(job.security_opt))
    except ValueError as error:
        raise Failure(f"--security-opt: {error}", code=START_FAILED) from error


def _check_name(settings: Settings, name: str) -> None:
    from supervisor.detached.naming import check_name
    from supervisor.detached.roster import Roster, in_use

    try:
        check_name(name)
    except ValueError as error:
        raise Failure(f"--name: {error}", code=START_FAILED) from error
    for entry in Roster.of(settings.detached.directories).entries().values():
        if entry.name == name:
            raise Failure(in_use(name, entry.id), code=START_FAILED)


def _provide(settings: Settings, job: JobSpec, options: Mapping[str, Any]) -> None:
    from supervisor.cli.image.provision import provide

    provide(settings, job, options["pull"], None if options["quiet"] else sys.stderr)


def lasting(settings: Settings, options: Mapping[str, Any]) -> Wanted:
    """The container that a supervisor is to look after. Raises Failure or OrderError.

    It needs the small PID 1 to know how it ends.
    """
    from supervisor.cli.wanted import Wanted

    if options["rm"] and options["restart"] not in (None, "no"):
        raise Failure("conflicting options: --restart and --rm", code=START_FAILED)
    table = {**_table(options), "tty": options["tty"], "stdin_open": options["interactive"]}
    job = _job(settings, table, options["name"])
    _provide(settings, job, options)
    return Wanted(table=table, job=job, name=options["name"], remove=options["rm"])


_CHANGEABLE = {
    "memory": "memory",
    "memory_swap": "memory_swap",
    "memory_reservation": "memory_reservation",
    "cpus": "cpus",
    "cpuset_cpus": "cpuset",
    "restart": "restart",
}
"""Options whose value is that of a key, and may become another one at any time."""
CHANGEABLE = frozenset({*_CHANGEABLE, "cpu_shares", "pids_limit"})
"""All options whose values may."""
_PLAIN = {
    "image": "image",
    "workdir": "working_dir",
    "user": "user",
    "hostname": "hostname",
    "network": "network_mode",
    "stop_signal": "stop_signal",
    "stop_timeout": "stop_grace_period",
}
"""Those whose value is that of a key, and stays."""
_LISTS = {
    "volume": "volumes",
    "tmpfs": "tmpfs",
    "device": "devices",
    "group_add": "group_add",
    "add_host": "extra_hosts",
    "cap_add": "cap_add",
    "cap_drop": "cap_drop",
    "label": "labels",
}


_HEALTH = {
    "health_cmd": "test",
    "health_interval": "interval",
    "health_timeout": "timeout",
    "health_retries": "retries",
    "health_start_period": "start_period",
    "health_start_interval": "start_interval",
}
"""Options that make up a healthcheck."""
_SUPERVISED = ("restart", "log_driver", "log_opt", *_HEALTH)
"""Options for what a supervisor sees to."""


def _table(options: Mapping[str, Any]) -> Mapping[str, object]:
    """The options as the table of a job."""
    from supervisor.runorder import table_of_log, table_of_mount

    table = changeable_table(options)
    table.update((key, options[name]) for name, key in _PLAIN.items() if options[name] is not None)
    table.update((key, list(options[name])) for name, key in _LISTS.items() if options[name])
    for text in options["mount"]:
        key, entry = table_of_mount(text)
        table.setdefault(key, []).append(entry)
    if options["security_opt"]:
        table["security_opt"] = [_security_option(text) for text in options["security_opt"]]
    table["environment"] = [*variables_of(options["env_file"]), *options["env"]]
    table["ulimits"] = {name: _ulimit(text) for name, text in _pairs("--ulimit", options["ulimit"])}
    table["sysctls"] = dict(_pairs("--sysctl", options["sysctl"]))
    if options["entrypoint"]:
        table["entrypoint"] = [options["entrypoint"]]
    if options["command_"]:
        table["command"] = [*options["command_"]]
    health = {key: options[name] for name, key in _HEALTH.items() if options[name] is not None}
    if options["no_healthcheck"]:
        if health:
            raise Failure(
                "--no-healthcheck conflicts with the --health-* options", code=START_FAILED
            )
        health = {"disable": True}
    if health:
        table["healthcheck"] = health
    if log := table_of_log(options["log_driver"], options["log_opt"]):
        table["log"] = log
    return {**table, **{name: options[name] for name in ("read_only", "privileged")}}


def changeable_table(options: Mapping[str, Any]) -> dict[str, Any]:
    """What of the table of a job may become something else at any time."""
    from supervisor.runorder import cpu_weight

    table: dict[str, Any] = {
        key: options[name] for name, key in _CHANGEABLE.items() if options[name] is not None
    }
    if options["memory_swap"] == "-1":
        table["memory_swap"] = -1
    if options["cpu_shares"] is not None:
        table["cpu_weight"] = cpu_weight(options["cpu_shares"])
    if options["pids_limit"] is not None:
        table["pids_limit"] = options["pids_limit"] or -1
    return table


def variables_of(files: Sequence[str]) -> list[str]:
    """The variables of files, as -e takes them. Raises Failure."""
    if not files:
        return []
    from supervisor.envfile import parse_plain
    from supervisor.problems import JobsFileError
    from supervisor.sources import read_file

    variables: list[str] = []
    for file in files:
        try:
            variables += parse_plain(read_file(file).decode(), file)
        except JobsFileError as error:
            raise Failure(f"--env-file: {error.problems[0]}", code=START_FAILED) from error
        except (OSError, ValueError) as error:
            cause = getattr(error, "strerror", None) or str(error)
            raise Failure(f"--env-file: {file}: {cause.lower()}", code=START_FAILED) from error
    return variables


def _pairs(option: str, texts: Sequence[str]) -> list[tuple[str, str]]:
    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise Failure(f"{option}: {text!r} is not NAME=VALUE", code=START_FAILED)
        pairs.append((name, value))
    return pairs


def _security_option(text: str) -> str:
    """Docker takes both ``no-new-privileges:true`` and ``no-new-privileges=true``."""
    name, equals, value = text.partition("=")
    return f"{name}:{value}" if equals and name == "no-new-privileges" else text


def _ulimit(text: str) -> object:
    soft, colon, hard = text.partition(":")
    try:
        return {"soft": int(soft), "hard": int(hard)} if colon else int(soft)
    except ValueError:
        raise Failure(f"--ulimit: {text!r} is not SOFT or SOFT:HARD", code=START_FAILED) from None
