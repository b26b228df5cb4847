"""The paths that the kernel shows to nobody in a container."""

from __future__ import annotations

from runtime.security.masks import MASKED_PATHS, READ_ONLY_PATHS


def test_the_documented_paths_are_covered() -> None:
    """What leaks of the machine is masked, what would change it is read-only."""
    hidden = (
        "acpi asound interrupts kcore keys latency_stats sched_debug scsi timer_list timer_stats"
    )
    assert set(MASKED_PATHS) == {
        "/sys/firmware",
        "/sys/devices/virtual/powercap",
        *(f"/proc/{name}" for name in hidden.split()),
    }
    assert set(READ_ONLY_PATHS) == {
        f"/proc/{name}" for name in ("bus", "fs", "irq", "sys", "sysrq-trigger")
    }
