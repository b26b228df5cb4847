"""Output goes to the systemd journal, which may be busy, away, or started again."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.kernel import LOG_HELD
from supervisor.logs import LogError, LogLossCounted, LogOrigin, LogWriteFailed, Stream
from supervisor.logs.destination import PATIENCE, RETRY_SECONDS
from supervisor.logs.events import LogEvent
from supervisor.logs.journald import JournaldWriter
from supervisor.logs.journald.connection import JournaldConnection
from tests.integration.logs.journal import Entry, FakeJournal, text_of
from tests.integration.logs.scene import Scene

ORIGIN = LogOrigin(job="load", run=12, attempt=3, container="etl-load-1a2b")
ABSENT = "systemd journal: No such file or directory"
OUTPUT = (
    st.binary(max_size=60)
    | st.sampled_from([b"\n", b"\n\n\n", b"line\n", b"\0\xff\n"])
    | st.integers(LOG_HELD - 3, 2 * LOG_HELD + 3).map(lambda size: b"x" * size)
    | st.integers(1, 400).map(lambda count: b"a line of text\n" * count)
)


class Desk:
    """A writer's surroundings: a journal that is read whenever something was sent."""

    def __init__(self, top: Path) -> None:
        self.top = top
        self.scene = Scene(top)
        self.path = str(top / "socket")
        self.journal: FakeJournal | None = FakeJournal(self.path)
        self.entries: list[Entry] = []
        self.events: list[LogEvent] = []

    def writer(self) -> JournaldWriter:
        """A writer as a starting supervisor opens it."""
        return JournaldWriter(
            self.scene.spool,
            ORIGIN,
            on_event=self.events.append,
            clock=lambda: self.scene.now,
            journal=self.path,
        )

    def send(self, writer: JournaldWriter, data: bytes, stream: Stream = "stdout") -> None:
        """Let the job write, the writer take it and the journal read it."""
        read_end, write_end = self.scene.pipe(stream)
        while data:
            data = data[os.write(write_end, data) :]
            while not writer.pump(stream, read_end).drained:
                self.read()
        self.read()

    def read(self) -> None:
        """Let the journal read what has come."""
        if self.journal is not None:
            self.entries += self.journal.read()

    def take_journal_away(self) -> None:
        """Stop the journal; its socket is gone."""
        assert self.journal is not None
        self.journal.close()
        self.journal = None

    @property
    def messages(self) -> list[bytes]:
        """What the journal has got."""
        return [entry["MESSAGE"] for entry in self.entries]

    def close(self) -> None:
        """Close everything."""
        self.scene.close()
        if self.journal is not None:
            self.journal.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Give a journal, a spool and pipes."""
    made = Desk(tmp_path)
    yield made
    made.close()


def test_each_line_is_an_entry(desk: Desk) -> None:
    """Which job, run, attempt and stream it came from can be searched for."""
    with desk.writer() as writer:
        desk.send(writer, b"hello\n")
        desk.send(writer, b"oops\n", "stderr")
    own = {
        "SYSLOG_IDENTIFIER": b"load",
        "CONTAINER_ID": b"etl-load-1a2b",
        "CONTAINER_NAME": b"etl-load-1a2b",
        "POCKER_JOB": b"load",
        "POCKER_RUN": b"12",
        "POCKER_ATTEMPT": b"3",
    }
    out = {"MESSAGE": b"hello", "PRIORITY": b"6", "POCKER_STREAM": b"stdout"}
    err = {"MESSAGE": b"oops", "PRIORITY": b"3", "POCKER_STREAM": b"stderr"}
    assert desk.entries == [own | out, own | err]
    assert desk.events == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), OUTPUT, st.booleans()), max_size=15)
)
def test_any_output_comes_back(steps: list[tuple[Stream, bytes, bool]]) -> None:
    """Exact lines, whatever is in them, however they are cut, over the deaths of supervisors."""
    with tempfile.TemporaryDirectory() as top:
        desk = Desk(Path(top))
        sent: dict[Stream, bytes] = {"stdout": b"", "stderr": b""}
        writer = desk.writer()
        for stream, data, dies in steps:
            desk.send(writer, data, stream)
            sent[stream] += data
            if dies:
                _die(writer)
                writer = desk.writer()
        writer.close()
        desk.read()
        desk.close()
    assert {stream: text_of(desk.entries, stream) for stream in sent} == {
        stream: data + b"\n" if data[-1:] not in (b"", b"\n") else data
        for stream, data in sent.items()
    }
    assert max(map(len, desk.messages), default=0) <= LOG_HELD
    assert desk.events == []


def test_an_unfinished_line_waits_for_its_end(desk: Desk) -> None:
    """A line is not cut where a read happened to end, nor by the death of a supervisor."""
    writer = desk.writer()
    desk.send(writer, b"one\ntw")
    assert desk.messages == [b"one"]
    _die(writer)
    with desk.writer() as writer:
        desk.send(writer, b"o\nthree")
        assert desk.messages == [b"one", b"two"]
        assert writer.last_line == b"two"
        assert writer.pump("stdout", desk.scene.hang_up("stdout")).ended
        desk.read()
    assert desk.messages == [b"one", b"two", b"three"]


def test_what_a_dead_supervisor_held_is_not_lost(desk: Desk) -> None:
    """A job whose pipes are gone when its supervisor comes back has its last words sent."""
    writer = desk.writer()
    desk.send(writer, b"no newline")
    _die(writer)
    desk.writer().close()
    desk.read()
    assert desk.messages == [b"no newline"]


def test_a_long_line_comes_in_parts(desk: Desk) -> None:
    """All but the last are marked as container engines mark them."""
    with desk.writer() as writer:
        desk.send(writer, b"x" * LOG_HELD + b"\n" + b"y" * (2 * LOG_HELD + 1) + b"\n")
    partial = ["CONTAINER_PARTIAL_MESSAGE" in entry for entry in desk.entries]
    assert [len(message) for message in desk.messages] == [LOG_HELD, LOG_HELD, LOG_HELD, 1]
    assert partial == [False, True, True, False]


def test_an_entry_that_is_too_big_comes_as_a_file(desk: Desk) -> None:
    """What no datagram holds is passed on in memory that nobody can change any more."""
    connection = JournaldConnection(desk.path)
    before = len(os.listdir("/proc/self/fd"))
    connection.send(b"MESSAGE=small\n")
    connection.send(b"MESSAGE=" + b"x" * 1_000_000 + b"\n")
    assert len(os.listdir("/proc/self/fd")) == before + 1
    connection.close()
    desk.read()
    assert desk.messages == [b"small", b"x" * 1_000_000]
    assert desk.journal is not None
    assert desk.journal.files == 1


def test_a_busy_journal_is_waited_for(desk: Desk) -> None:
    """Its socket holds only so much: the rest stays where it is, and comes when there is room."""
    read_end, write_end = desk.scene.pipe("stdout")
    lines = [b"%d" % number for number in range(2_000)]
    os.write(write_end, b"".join(line + b"\n" for line in lines))
    with desk.writer() as writer:
        turn = writer.pump("stdout", read_end)
        assert turn.busy is not None
        assert not turn.drained
        assert not turn.ended
        desk.scene.now += PATIENCE - 1
        assert writer.pump("stdout", read_end).busy == turn.busy
        while not writer.pump("stdout", read_end).drained:
            desk.scene.now += PATIENCE - 1
            desk.read()
        desk.read()
    assert desk.messages == lines
    assert desk.events == []


def test_a_journal_that_is_stuck_loses_output_and_not_the_job(desk: Desk) -> None:
    """After a while what comes is dropped and counted, which is said twice."""
    read_end, write_end = desk.scene.pipe("stdout")
    with desk.writer() as writer:
        os.write(write_end, b"line\n" * 2_000)
        assert writer.pump("stdout", read_end).busy is not None
        desk.scene.now += PATIENCE
        assert writer.pump("stdout", read_end).drained
        assert desk.events == [LogWriteFailed(path=desk.path, cause="systemd journal: busy")]
        os.write(write_end, b"lost\n")
        assert writer.pump("stdout", read_end).drained
        desk.scene.now += RETRY_SECONDS
        os.write(write_end, b"lost, too\n")
        assert writer.pump("stdout", read_end).drained
        desk.read()
        kept = len(desk.messages)
        desk.scene.now += RETRY_SECONDS
        desk.send(writer, b"back again\n")
    assert desk.messages == [b"line"] * kept + [b"back again"]
    lost = LogLossCounted(
        path=desk.path, bytes=(2_000 - kept) * 5 + 15, lines=2_002 - kept, recovered=True
    )
    assert desk.events[1:] == [lost]


def test_a_job_runs_without_a_journal(desk: Desk) -> None:
    """Where there is none, output is dropped and counted until there is one."""
    desk.take_journal_away()
    with desk.writer() as writer:
        desk.send(writer, b"one\ntwo\n")
        desk.send(writer, b"three\n", "stderr")
        assert desk.events == [LogWriteFailed(path=desk.path, cause=ABSENT)]
        desk.journal = FakeJournal(desk.path)
        desk.send(writer, b"four\n")
        assert desk.entries == []
        desk.scene.now += RETRY_SECONDS
        desk.send(writer, b"five\n", "stderr")
        assert desk.messages == [b"five"]
    assert desk.events[1:] == [LogLossCounted(path=desk.path, bytes=19, lines=4, recovered=True)]


def test_losses_at_the_end_are_said(desk: Desk) -> None:
    """Those of an unfinished line and of a former supervisor's time are part of the count."""
    desk.take_journal_away()
    writer = desk.writer()
    desk.send(writer, b"one\n")
    _die(writer)
    with desk.writer() as writer:
        desk.send(writer, b"two")
    assert desk.events == [
        LogWriteFailed(path=desk.path, cause=ABSENT),
        LogLossCounted(path=desk.path, bytes=7, lines=1, recovered=False),
    ]


def test_a_journal_that_was_started_again_is_found(desk: Desk) -> None:
    """A new socket in the place of the old one costs no line."""
    with desk.writer() as writer:
        desk.send(writer, b"before\n")
        desk.take_journal_away()
        desk.journal = FakeJournal(desk.path)
        desk.send(writer, b"after\n")
    assert desk.messages == [b"before", b"after"]
    assert desk.events == []


def test_a_spool_that_cannot_be_had_is_an_error(desk: Desk) -> None:
    """The path and the cause are named."""
    with pytest.raises(LogError, match=r"^open log spool /dev/null/spool.stdout: Not a directory$"):
        JournaldWriter("/dev/null/spool", ORIGIN, on_event=desk.events.append)


def _die(writer: JournaldWriter) -> None:
    """Let go of everything and finish nothing, as a kill does."""
    for channel in writer._channels.values():
        channel.pump.close()
        channel.connection.close()
