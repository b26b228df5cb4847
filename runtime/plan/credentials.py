"""The part of a plan that gives the command's process its limits and takes its privileges."""

from __future__ import annotations

import resource
from collections.abc import Iterator

from runtime.errors import SpecError
from runtime.execspec import Inherited
from runtime.plan.step import Step
from runtime.rootfs.identity import Identity
from runtime.security.capabilities import to_mask
from runtime.spec import Ulimit

ULIMITS: dict[str, int] = {
    name.removeprefix("RLIMIT_").lower(): getattr(resource, name)
    for name in dir(resource)
    if name.startswith("RLIMIT_")
}
"""Limit names without RLIMIT_, in lower case, as `ulimits` takes them."""


def _rlimit(position: int, limit: Ulimit) -> Step:
    if limit.name not in ULIMITS:
        raise SpecError(f"ulimits[{position}]", f"unknown limit {limit.name!r}")
    unlimited = 2**64 - 1
    soft = unlimited if limit.soft < 0 else limit.soft
    hard = unlimited if limit.hard < 0 else limit.hard
    return Step("rlimit", (ULIMITS[limit.name], soft, hard), f"ulimits.{limit.name}")


def credential_steps(spec: Inherited, identity: Identity, seccomp: bytes) -> Iterator[Step]:
    """Limits, then credentials, each step while the process still has the right to take it.

    Without no_new_privs the kernel wants CAP_SYS_ADMIN for a filter, so it is installed before
    the ids and capabilities go; with it, it is installed last. Either way as late as can be: it
    need not allow the steps before it, and cannot make one of them seem to be done.
    """
    for position, limit in enumerate(spec.ulimits):
        yield _rlimit(position, limit)
    yield Step("umask", (spec.umask,))
    filter_step = Step("seccomp", (seccomp,), "seccomp")
    mask = to_mask(spec.capabilities)
    yield Step("bounding_set", (mask,), "capabilities")
    yield Step("groups", (identity.groups,), "user")
    if spec.seccomp and not spec.no_new_privileges:
        yield filter_step
    yield Step("ids", (identity.uid, identity.gid), "user")
    # Only root keeps capabilities through exec; another user's set would be empty there anyway.
    yield Step("capabilities", (mask if identity.uid == 0 else 0,), "capabilities")
    if spec.no_new_privileges:
        yield Step("no_new_privileges")
        if spec.seccomp:
            yield filter_step
