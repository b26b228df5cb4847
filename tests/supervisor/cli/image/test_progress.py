"""How far layers are, shown on a terminal and elsewhere."""

from __future__ import annotations

import io

import pytest

from runtime.images.manifest import Descriptor
from runtime.registry.pulling import Step
from supervisor.cli.image.progress import progress

LAYER = Descriptor(media_type="", digest=f"sha256:{'ab' * 32}", size=2_000_000)
STEPS = ((Step.WAITING, 0), (Step.FETCHING, 9), (Step.FETCHING, 10), (Step.DONE, LAYER.size))


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _show(stream: io.StringIO) -> str:
    with progress(stream) as report:
        for step, done in STEPS:
            report(LAYER, step, done)
    return stream.getvalue()


def test_a_file_gets_a_line_for_each_step() -> None:
    """Bytes on their way make no lines."""
    assert _show(io.StringIO()) == "abababababab: Pulling fs layer\nabababababab: Pull complete\n"


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows the last step, and all bytes of the layer."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    shown = _show(_Terminal()).rpartition("abababababab: ")[2]
    assert shown.startswith("Pull complete")
    assert "2.0/2.0 MB" in shown
