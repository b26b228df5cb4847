"""A supervisor of containers that is started where it is needed, by whoever needs it first."""

from __future__ import annotations

from pathlib import Path

import pytest

from supervisor.cli import background, standby
from supervisor.cli.failure import Failure
from tests.supervisor.cli.past import Past


def test_somebody_elses_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes second is told so, and can ask that one; any other failure stays one."""
    settings = Past(tmp_path).settings

    def start(*_: object) -> int:
        raise outcome

    monkeypatch.setattr(background, "start", start)
    outcome: Failure = background.Occupied("it is in use", code=125)
    assert standby.begin_serving(settings, ["3f9a1c2b4d5e"]) is False
    outcome = Failure("no such thing", code=125)
    with pytest.raises(Failure, match="no such thing"):
        standby.begin_serving(settings)
