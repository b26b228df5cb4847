"""A boot of the machine: what was installed before it is there again, and nothing of it was lost.

The guest has installed the service and was then told to reboot; its disk is the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def test_a_reboot_ends_the_jobs_in_order_and_begins_them_anew(
    history_of_boots: Sequence[Mapping[str, Any]],
) -> None:
    """Both sessions are told of: the one before was stopped, and the one now runs."""
    told = [(run["job"], run["state"]) for run in reversed(history_of_boots)]
    assert sorted(told[:2]) == [("database", "cancelled"), ("server", "cancelled")]
    assert sorted(told[2:]) == [("database", "running"), ("server", "running")]
    ended = {run["job"]: run["ended"] for run in history_of_boots if run["ended"] is not None}
    assert ended["server"] < ended["database"]
