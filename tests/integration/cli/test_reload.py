"""The jobs file is read again: only what has changed changes, a mistake in it changes nothing."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.pocker import Pocker, finish, read_until
from tests.integration.cli.screen import screen
from tests.integration.faults.scene import (
    Row,
    database,
    events,
    in_state,
    running,
    start,
    wait_until,
)

pytestmark = pytest.mark.root

WAITS = "trap 'exit 0' TERM; {said}; while :; do sleep 0.05; done"
HEAD = '[defaults]\nimage = "host"\n'


def waits(said: str = "true") -> str:
    """A command that says something and goes on until it is asked to end."""
    return WAITS.format(said=said)


def pids(pocker: Pocker) -> dict[str, int]:
    """The pid of each job that runs."""
    return {run["job"]: run["pid"] for run in pocker.json("ps") if run["pid"] is not None}


def reloads(pocker: Pocker) -> list[dict[str, Any]]:
    """The events that tell of reloads."""
    return [event for event in events(pocker) if event["kind"] == "reload"]


def test_only_what_has_changed_changes(pocker: Pocker) -> None:
    """New jobs begin, removed ones are stopped, and the others keep their processes."""
    kept = f'[jobs.kept]\ncommand = "{waits()}"\n[jobs.late]\ncommand = "true"\n'
    kept += 'depends_on = ["kept"]\n'
    gone = f'[jobs.gone]\ncommand = "{waits()}"\n'
    up = start(pocker, HEAD + kept + gone)
    wait_until(pocker, running("kept", "gone"))
    before = pids(pocker)
    pocker.file(HEAD + kept + f'[jobs.fresh]\ncommand = "{waits("echo here")}"\n')
    assert pocker.stdout("reload").splitlines() == ["fresh: new", "gone: removed, is stopped"]
    read_until(up, "fresh | here")
    rows = wait_until(pocker, in_state("cancelled", "gone"))
    assert rows["gone"].run.detail == "exit code 0; removed from the jobs file"
    assert pids(pocker)["kept"] == before["kept"]
    assert rows["late"].run.state == "pending"
    assert pocker.stdout("reload") == "no job has changed\n"
    assert [event["data"] for event in reloads(pocker)] == [
        {"new": ["fresh"], "removed": ["gone"], "changed": []},
        {"new": [], "removed": [], "changed": []},
    ]
    pocker.run("down")
    _, _, summary = finish(up)
    assert "gone" not in summary.splitlines()[-1]


def test_a_mistake_changes_nothing_and_is_shown(pocker: Pocker) -> None:
    """All mistakes are told to the caller, in the log and by an event; every job goes on."""
    text = f'{HEAD}[jobs.a]\ncommand = "{waits()}"\n'
    up = start(pocker, text)
    wait_until(pocker, running("a"))
    before = pids(pocker)
    file = pocker.file('[jobs.b]\nimage = "Hst"\ncommand = "true"\nmemory = "lots"\n')
    refused = pocker.run("reload")
    assert refused.returncode == 2
    first, second = refused.stderr.splitlines()
    assert first.startswith(f"{file}:3: jobs.b.image: 'Hst'")
    assert second.startswith(f"{file}:5: jobs.b.memory: 'lots'")
    assert pids(pocker) == before
    (event,) = reloads(pocker)
    assert event["data"]["problems"] == [first, second]
    up.send_signal(signal.SIGHUP)
    os.remove(file)
    wait_until(pocker, lambda _: len(reloads(pocker)) == 2)
    pocker.run("down")
    _, _, log = finish(up)
    assert log.count("jobs file refused") >= 3
    assert "Hst" in log


def test_a_service_is_made_anew_by_its_new_definition(pocker: Pocker) -> None:
    """It is asked to end, begins again in the same run, and a new policy alone touches nothing."""
    text = HEAD + '[jobs.web]\ncommand = "{command}"\nrestart = "{restart}"\n'
    up = start(pocker, text.format(command=waits("echo one"), restart="always"))
    read_until(up, "web | one")
    before = pids(pocker)
    pocker.file(text.format(command=waits("echo one"), restart="unless-stopped"))
    up.send_signal(signal.SIGHUP)
    wait_until(pocker, lambda _: len(reloads(pocker)) == 1)
    assert pids(pocker) == before
    pocker.file(text.format(command=waits("echo two"), restart="always"))
    assert pocker.stdout("reload") == "web: changed\n"
    read_until(up, "web | two")
    (run,) = pocker.json("ps")
    assert (run["attempt"], run["state"]) == (2, "running")
    ended = [event for event in events(pocker) if "attempt 1 ended" in event["detail"]]
    assert ended[0]["detail"] == (
        "attempt 1 ended: Cancelled, exit code 0; stopped for its new definition"
    )
    assert pocker.stdout("stop", "web").startswith("web: cancelled, ")
    finish(up)


def test_a_job_that_runs_goes_on_and_a_waiting_one_takes_the_new_definition(
    pocker: Pocker, tmp_path: Path
) -> None:
    """The running attempt ends under the old one; its retry and its dependant have the new one."""
    (tmp_path / "go").mkdir()
    text = f"""{HEAD}volumes = ["{tmp_path}/go:/go"]
    [jobs.first]
    command = "until test -e /go/go; do sleep 0.05; done; echo {{word}}; exit {{code}}"
    retries = 1
    backoff = "10ms"
    [jobs.second]
    command = "echo second {{word}}"
    depends_on = ["first"]
    """
    up = start(pocker, text.format(word="old", code=1))
    wait_until(pocker, running("first"))
    before = pids(pocker)
    pocker.file(text.format(word="new", code=0))
    assert pocker.stdout("reload") == "first: changed\nsecond: changed\n"
    assert pids(pocker) == before
    (tmp_path / "go" / "go").touch()
    code, lines, _ = finish(up)
    assert code == 0
    assert lines == ["first  | old", "first  | new", "second | second new"]


def test_a_mended_job_does_not_wait_for_its_pause(pocker: Pocker) -> None:
    """A job that fails and pauses is tried at once by a definition that is another one."""
    text = HEAD + '[jobs.a]\ncommand = "{command}"\nretries = 3\nbackoff = "1h"\n'
    up = start(pocker, text.format(command="exit 3"))
    wait_until(pocker, in_state("backoff", "a"))
    pocker.file(text.format(command="echo mended"))
    pocker.run("reload")
    code, lines, _ = finish(up)
    assert (code, lines) == (0, ["a | mended"])


def test_a_waiting_job_waits_for_what_it_depends_on_now(pocker: Pocker) -> None:
    """A dependency that is gone from its definition is not waited for any longer."""
    text = f'{HEAD}[jobs.long]\ncommand = "{waits()}"\n[jobs.a]\ncommand = "echo came"\n'
    up = start(pocker, text + 'depends_on = ["long"]\n')
    wait_until(pocker, running("long"))
    pocker.file(text)
    assert pocker.stdout("reload") == "a: changed\n"
    read_until(up, "a    | came")
    pocker.run("down")
    finish(up)


def test_removed_jobs_end_in_order(pocker: Pocker) -> None:
    """Who depends on others ends before them, and a job of the same name waits for its namesake."""
    slow = "trap 'sleep 0.3; echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    both = (
        f'[jobs.server]\ncommand = "{slow}"\nrestart = "always"\n'
        f'[jobs.client]\ncommand = "{slow}"\ndepends_on = ["server"]\n'
    )
    other = f'[jobs.other]\ncommand = "{waits()}"\n'
    up = start(pocker, HEAD + other + both)
    read_until(up, "server | up", "client | up")
    pocker.file(HEAD + other)
    pocker.run("reload")
    pocker.file(HEAD + other + f'[jobs.server]\ncommand = "{waits("echo again")}"\n')
    pocker.run("reload")
    lines = read_until(up, "server | again")
    assert lines == ["client | bye", "server | bye", "server | again"]
    pocker.run("down")
    finish(up)


def test_more_may_run_at_once(pocker: Pocker) -> None:
    """`concurrency` holds from the reload on, and jobs that never began are removed at once."""
    follows = 'depends_on = {{ j{0} = {{ condition = "service_started" }} }}\n'
    jobs = f'[jobs.j0]\ncommand = "{waits()}"\n'
    jobs += f'[jobs.j1]\ncommand = "{waits()}"\n' + follows.format(0)
    jobs += f'[jobs.j2]\ncommand = "{waits()}"\n' + follows.format(1)
    up = start(pocker, f"concurrency = 1\n{HEAD}{jobs}")
    wait_until(pocker, running("j0"))
    pocker.file(f"concurrency = 2\n{HEAD}{jobs}".replace("[jobs.j2]", "[jobs.j4]"))
    assert pocker.stdout("reload") == "j4: new\nj2: removed, is stopped\n"
    wait_until(pocker, running("j0", "j1"))
    rows = wait_until(pocker, in_state("queued", "j4"))
    rows = wait_until(pocker, in_state("cancelled", "j2"))
    assert rows["j2"].run.detail == "removed from the jobs file before it ran"
    pocker.run("down")
    finish(up)


def test_what_was_asked_for_is_chosen_again(pocker: Pocker) -> None:
    """Jobs that were not named stay out, unless a named one needs them now."""
    jobs = f'{HEAD}[jobs.a]\ncommand = "{waits()}"\n[jobs.b]\ncommand = "true"\n'
    up = pocker.start("up", pocker.file(jobs), "a")
    wait_until(pocker, running("a"))
    pocker.file(f'{jobs}[jobs.c]\ncommand = "true"\n')
    assert pocker.stdout("reload") == "no job has changed\n"
    pocker.file(jobs.replace("[jobs.a]", '[jobs.a]\ndepends_on = ["b"]'))
    assert pocker.stdout("reload") == "b: new\na: changed\n"
    file = pocker.file(f'{HEAD}[jobs.b]\ncommand = "true"\n')
    refused = pocker.run("reload")
    assert (refused.returncode, refused.stderr) == (
        2, f"{file}: jobs: has no job of those that were asked for: a\n",
    )  # fmt: skip
    pocker.run("down")
    finish(up)


def test_nothing_can_be_read_again_without_a_supervisor(pocker: Pocker) -> None:
    """There has to be one that runs."""
    refused = pocker.run("reload")
    assert refused.returncode == 1
    assert refused.stderr.startswith("pocker: no supervisor is running")


def test_a_terminal_that_goes_away_is_no_reload(pocker: Pocker) -> None:
    """The supervisor ends with its terminal as ever, and the jobs run on to be taken up."""
    file = pocker.file(f'{HEAD}[jobs.a]\ncommand = "{waits()}"\n')
    command = ["setsid", "--ctty", *pocker.command("up", file)]
    with screen(command, rows=24, columns=100, environment={}) as shown:
        before = wait_until(pocker, running("a"))
        assert shown.hang_up() == -signal.SIGHUP
    assert not reloads(pocker)
    assert before == wait_until(pocker, lambda rows: _same(rows, before))
    assert database(pocker).exists()
    assert "a: cancelled" in pocker.run("down").stdout


def _same(rows: dict[str, Row], before: dict[str, Row]) -> bool:
    return rows["a"].attempt == before["a"].attempt
