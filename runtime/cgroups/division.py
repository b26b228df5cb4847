"""Which hierarchies a container joins, and on which side each of its resources is kept.

A pure decision from the limits and the machine's layout: only what a container uses is
joined, because every hierarchy costs its directory, its attachment and its removal.
"""

from __future__ import annotations

from collections.abc import Collection

from attrs import frozen

from runtime.cgroups.layout import Layout
from runtime.cgroups.settings import V1_CONTROLLERS, Resource, demanded
from runtime.errors import CgroupError
from runtime.limits import Limits

_ALWAYS: tuple[Resource, ...] = ("memory", "pids")
"""Joined wherever the machine has them: for the peaks and the count of OOM kills."""

_LIFE_ON_V1 = ("cpuacct", "freezer")
"""Stand in for what the v2 side does without any controller, where there is no v2 mount."""


@frozen(kw_only=True)
class Division:
    """`labels` are the v1 hierarchies to join, more than those of `on_v1` may need."""

    on_v1: tuple[Resource, ...]
    on_v2: tuple[Resource, ...]
    labels: tuple[str, ...]


def divide(
    limits: Limits, layout: Layout, v2_controllers: Collection[str], *, devices_on_v1: bool
) -> Division:
    """Place every resource; raise for one that is limited but has no controller.

    A controller belongs to one hierarchy at a time, so there is never a choice of sides.
    `devices_on_v1` says that the device list cannot be kept by a filter on v2.
    """
    on_v1: list[Resource] = []
    on_v2: list[Resource] = []
    joined: list[str] = []
    asked = demanded(limits)
    for resource in dict.fromkeys((*_ALWAYS, *asked)):
        controller = V1_CONTROLLERS[resource]
        if layout.v1_of(controller) is not None:
            on_v1.append(resource)
            joined.append(controller)
        elif resource in v2_controllers:
            on_v2.append(resource)
        elif resource in asked:
            raise CgroupError(f"{asked[resource]}: {_absence(layout, resource)}")
    if limits.devices is not None and devices_on_v1:
        if layout.v1_of("devices") is None:
            raise CgroupError(f"devices: {_absence(layout, 'devices')}")
        joined.append("devices")
    if layout.v2 is None:
        joined += [name for name in _LIFE_ON_V1 if layout.v1_of(name) is not None]
    hierarchies = [found for name in joined if (found := layout.v1_of(name)) is not None]
    if "cpuset" not in on_v1 and any("cpuset" in one.controllers for one in hierarchies):
        # It shares a mount with something joined, and cannot be entered before it is set up.
        on_v1.append("cpuset")
    labels = tuple(dict.fromkeys(one.label for one in hierarchies))
    return Division(on_v1=tuple(on_v1), on_v2=tuple(on_v2), labels=labels)


def absent_defaults(layout: Layout, v2_controllers: Collection[str]) -> dict[str, str]:
    """What every container has where it can be had, and cannot here: why, by controller."""
    return {
        resource: _absence(layout, V1_CONTROLLERS[resource])
        for resource in _ALWAYS
        if layout.v1_of(V1_CONTROLLERS[resource]) is None and resource not in v2_controllers
    }


def _absence(layout: Layout, controller: str) -> str:
    if layout.v2 is None:
        return f"the {controller} controller is not mounted"
    return (
        f"the {controller} controller is neither mounted as v1 nor available below "
        f"{layout.v2.mount_point}"
    )
