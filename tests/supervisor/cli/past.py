"""State directories with a past that nobody need have lived through: jobs and containers."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from attrs import frozen

from runtime.directories import Directories
from supervisor.cli.settings import Settings
from supervisor.detached import Entry, Roster
from supervisor.journal import AttemptResult, Journal
from supervisor.states import Reason, RunState


@frozen
class Past:
    """A state directory below `top`."""

    top: Path

    @property
    def options(self) -> list[str]:
        """What stands before a command that is to look here."""
        return ["--root", f"{self.top}/root", "--state", f"{self.top}/state"]

    @property
    def settings(self) -> Settings:
        """The same, read."""
        directories = Directories(f"{self.top}/root", f"{self.top}/state")
        return Settings(directories=directories, log_level=None, log_format="auto")

    def job(self, name: str, *, ended: bool = True) -> None:
        """One that was run, and may still be."""
        self._run(self.settings, "/srv/jobs.toml", name, ended=ended)

    def container(self, name: str, *, ended: bool | None = True, **job: object) -> str:
        """One of `run -d`; with None it was only created. Returns its id."""

        def make(identifier: str, name: str) -> Entry:
            table: Mapping[str, object] = {"image": "host", "command": ["true"], **job}
            return Entry(id=identifier, name=name, created=1.0, remove=False, job=table)

        own = self.settings.detached
        Path(own.directories.state).mkdir(parents=True, exist_ok=True)
        entry = Roster.of(own.directories).add(name, make)
        if ended is not None:
            self._run(own, Roster.of(own.directories).path, entry.id, ended=ended)
        return entry.id

    def _run(self, own: Settings, file: str, job: str, *, ended: bool) -> None:
        Path(own.directories.state).mkdir(parents=True, exist_ok=True)
        with closing(Journal.open(own.places.database)) as journal:
            last = journal.last_session()
            session = journal.begin_session(file, "past", 1) if last is None else last.id
            run = journal.create_run(session, job, RunState.QUEUED)
            attempt = journal.begin_attempt(run, 1, f"past-{job}-{run}", "a boot")
            journal.attempt_running(attempt, 4711)
            journal.set_run_state(run, RunState.RUNNING)
            if ended:
                result = AttemptResult(reason=Reason.ERROR, exit_code=3, ended=2e9)
                journal.end_attempt(attempt, result)
                journal.end_run(run, RunState.FAILED, Reason.ERROR, "exit code 3", 3)
