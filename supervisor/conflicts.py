"""What cannot be true of a job, or of several jobs, although each key by itself is right."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeAlias

from runtime.limits import Limits
from runtime.nearest import did_you_mean
from runtime.security.sysctls import check_sysctl
from supervisor.faults import REFUSALS, Fault, faults_of
from supervisor.kinds import keys_of
from supervisor.ordering import find_cycles
from supervisor.policies import Condition, RestartPolicy
from supervisor.resources import Resources

Values: TypeAlias = Mapping[str, Any]
Needs: TypeAlias = Mapping[str, Condition | None]
"""What a job depends on; a condition of None follows from the other job's restart policy."""

_EXCLUSIVE = (("image", "rootfs"), ("restart", "retries"))


def one_of_each(own: Collection[str], defaults: Collection[str]) -> set[str]:
    """The keys of ``[defaults]`` that hold for a job which sets `own`.

    Of two keys that exclude each other, setting one puts the default of the other aside.
    """
    replaced = {*own}
    for pair in _EXCLUSIVE:
        if not replaced.isdisjoint(pair):
            replaced.update(pair)
    return set(defaults) - replaced


def limits_of(values: Values) -> Limits:
    """The limits that a job's keys ask for. Raises SpecError."""
    known = keys_of(Resources)
    return Resources(**{key: value for key, value in values.items() if key in known}).limits()


def check_job(values: Values, faulty: Collection[str]) -> Iterator[Fault]:
    """The conflicts between the keys of one job, as far as those keys could be read."""
    for keys, check in _CHECKS:
        if not any(key in faulty for key in keys):
            yield from check(values)


def _check_root(values: Values) -> Iterator[Fault]:
    if "image" in values and "rootfs" in values:
        yield Fault(("rootfs",), "stands beside image, but a job has one root")
    elif "image" not in values and "rootfs" not in values:
        yield Fault(
            (),
            "needs an image: 'host' for the host's own programs, one of the store, or a directory",
        )


def is_stored(image: str) -> bool:
    """Whether this names an image of the store, which may say how its containers start."""
    return image != "host" and not image.startswith("/")


def _check_command(values: Values) -> Iterator[Fault]:
    if is_stored(values.get("image", "host")):
        return
    if "command" not in values and "entrypoint" not in values:
        yield Fault((), "needs a command: neither 'host' nor a directory has one of its own")


def _check_health(values: Values) -> Iterator[Fault]:
    health = values.get("healthcheck")
    if health is None or health.disable or is_stored(values.get("image", "host")):
        return
    if health.test is None:
        yield Fault(
            ("healthcheck",), "needs a test: neither 'host' nor a directory has one of its own"
        )


def may_be_healthy(values: Values, faulty: Collection[str]) -> bool:
    """Whether a job may have a healthcheck, its own or its image's."""
    if not {"healthcheck", "image"}.isdisjoint(faulty):
        return True
    health = values.get("healthcheck")
    if health is None:
        return is_stored(values.get("image", "host"))
    return not health.disable


def _check_policies(values: Values) -> Iterator[Fault]:
    if values.get("retries") and values.get("restart", RestartPolicy()) != RestartPolicy():
        yield Fault(
            ("retries",),
            "stands beside restart, but both say when another attempt follows;"
            " keep one, such as restart = 'on-failure:N'",
        )


def _check_terminal(values: Values) -> Iterator[Fault]:
    if values.get("tty") and not values.get("init", True):
        yield Fault(("tty",), "needs init, which looks after the terminal")


def _check_sysctls(values: Values) -> Iterator[Fault]:
    for name in values.get("sysctls", ()):
        try:
            check_sysctl(name, network_is_host=values.get("network_mode") == "host")
        except ValueError as error:
            yield Fault(("sysctls", name), str(error))


def _check_targets(values: Values) -> Iterator[Fault]:
    seen = set()
    for key in ("volumes", "tmpfs"):
        for position, mount in enumerate(values.get(key, ())):
            if mount.target in seen:
                yield Fault((key, position), f"{mount.target!r} is already the target of a mount")
            seen.add(mount.target)


def _check_limits(values: Values) -> Iterator[Fault]:
    try:
        limits_of(values)
    except REFUSALS as error:
        yield from faults_of(error)


_CHECKS: tuple[tuple[Collection[str], Callable[[Values], Iterator[Fault]]], ...] = (
    (("image", "rootfs"), _check_root),
    (("command", "entrypoint", "image"), _check_command),
    (("healthcheck", "image"), _check_health),
    (("retries", "restart"), _check_policies),
    (("tty", "init"), _check_terminal),
    (("sysctls", "network_mode"), _check_sysctls),
    (("volumes", "tmpfs"), _check_targets),
    (tuple(keys_of(Resources)), _check_limits),
)


def check_dependencies(
    needs: Mapping[str, Needs], restarts: Mapping[str, RestartPolicy], tested: Collection[str]
) -> Iterator[tuple[str, str | None, str]]:
    """What is wrong between jobs: the job, the dependency if it is about a single one, and why.

    `restarts` has the policy of every job whose policy could be read, `tested` are the jobs that
    may have a healthcheck.
    """
    for name, own in needs.items():
        for other, condition in own.items():
            if other == name:
                yield name, other, "depends on itself"
            elif other not in needs:
                yield name, other, f"no job has the name {other!r}{did_you_mean(other, needs)}"
            elif condition is Condition.COMPLETED and restarts[other].endless:
                kind = restarts[other].kind
                yield name, other, f"{other} never completes, as its restart is {kind}"
            elif condition is Condition.HEALTHY and other not in tested:
                yield name, other, f"{other} has no healthcheck that could find it healthy"
    graph = {
        name: [other for other in own if other in needs and other != name]
        for name, own in needs.items()
    }
    for cycle in find_cycles(graph):
        yield cycle[0], None, f"cycle: {' -> '.join(cycle)}"
