"""How much of what is kept is needed."""

from __future__ import annotations

from supervisor.cli.system.shares import Kept, row_of


def test_what_is_shared_counts_once_and_is_needed_while_one_needs_it() -> None:
    """Of two images on one layer, only what the idle one has for itself can be had back."""
    busy = Kept(name="busy", active=True, parts={"base": 600, "own": 100})
    idle = Kept(name="idle", active=False, parts={"base": 600, "other": 300})
    assert idle.size == 900
    assert row_of("Images", [busy, idle]) == ("Images", "2", "1", "1kB", "300B (30%)")


def test_where_there_is_nothing_there_is_no_share() -> None:
    """Nothing is divided by nothing."""
    assert row_of("Images", []) == ("Images", "0", "0", "0B", "0B")
