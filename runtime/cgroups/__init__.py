"""Control groups: limits, counters and the life of all processes of one container.

`Cgroups` finds out which hierarchies the machine has (v1, v2, or both) and makes a `Cgroup`
for each container; what differs between the backends stays inside this package.
"""

from __future__ import annotations

from runtime.cgroups.directory import CgroupGone
from runtime.cgroups.group import Cgroup
from runtime.cgroups.layout import UNIFIED, Hierarchy, Layout, detect_layout
from runtime.cgroups.manager import Cgroups
from runtime.cgroups.oom import OomWatch
from runtime.cgroups.usage import STRAINED, Load, Pressure, Stall, Strained, Usage

__all__ = [
    "STRAINED",
    "UNIFIED",
    "Cgroup",
    "CgroupGone",
    "Cgroups",
    "Hierarchy",
    "Layout",
    "Load",
    "OomWatch",
    "Pressure",
    "Stall",
    "Strained",
    "Usage",
    "detect_layout",
]
