"""What is written to give a group in use other limits, in an order that the kernel takes.

Pure. Unlike for a new group, a limit that is lifted has to be written as well.
"""

from __future__ import annotations

from runtime.cgroups.settings import (
    V1_SETTINGS,
    V2_SETTINGS,
    Resource,
    Setting,
    Surroundings,
    most_bytes,
)
from runtime.limits import Limits


def changeable(limits: Limits) -> Limits:
    """Those of the limits that may become others while they are in force."""
    return Limits(
        memory=limits.memory,
        memory_swap=limits.memory_swap,
        memory_reservation=limits.memory_reservation,
        cpus=limits.cpus,
        cpu_weight=limits.cpu_weight,
        cpuset=limits.cpuset,
        pids=limits.pids,
        devices=None,
    )


def v1_changes(
    resource: Resource, limits: Limits, around: Surroundings, memory: int
) -> list[Setting]:
    """The settings of a v1 controller; `memory` is the limit on memory until now.

    Memory alone may at no time be above memory with swap: so the limit of both comes first where it
    is not below what the other one is now.
    """
    settings = [*V1_SETTINGS[resource](limits, around), *_without_pids(resource, limits)]
    if resource == "memory" and limits.memory_swap == -1:
        settings.append(
            Setting(
                field="memory_swap",
                file="memory.memsw.limit_in_bytes",
                value="-1",
                shown=str(most_bytes(around.page)),
                optional=True,
            )
        )

    first = [setting for setting in settings if _is_swap_above(setting, memory)]
    return first + [setting for setting in settings if setting not in first]


def v2_changes(resource: Resource, limits: Limits, around: Surroundings) -> list[Setting]:
    """The settings of a v2 controller."""
    settings = [*V2_SETTINGS[resource](limits, around), *_without_pids(resource, limits)]
    if resource == "memory" and limits.memory_swap == -1:
        settings.append(_unlimited("memory_swap", "memory.swap.max"))
    return settings


def _is_swap_above(setting: Setting, memory: int) -> bool:
    return setting.field == "memory_swap" and not 0 <= int(setting.value) < memory


def _without_pids(resource: Resource, limits: Limits) -> list[Setting]:
    if resource == "pids" and limits.pids is None:
        return [_unlimited("pids_limit", "pids.max")]
    return []


def _unlimited(field: str, file: str) -> Setting:
    return Setting(field=field, file=file, value="max", shown="max", optional=True)
