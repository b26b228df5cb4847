"""`pocker events`: what happens to containers, as it happens, in Docker's words."""

from __future__ import annotations

import re
import signal

import pytest

from tests.integration.cli.pocker import Pocker, finish, read_until

pytestmark = pytest.mark.root

LINE = re.compile(r"(\S+) (container) ([a-z_]+(?:: \w+)?) (\w+) \((.*)\)")


def test_they_come_as_they_happen(pocker: Pocker) -> None:
    """From the making of a container to its removal, until Ctrl-C; later they can be asked for."""
    # One that is there already, so that it is seen when the other command has begun to look.
    pocker.stdout("create", "--name", "first", "host", "true")
    shown = pocker.start("events", "--since", "1h", "--format", "{{.Action}} {{.ID}} {{json .}}")
    assert shown.stdout is not None
    assert shown.stdout.readline().startswith("create ")
    words = ("--name", "c", "-l", "team=etl", "host", "sh", "-c", "exit 3")
    identifier = pocker.stdout("create", *words).strip()
    pocker.stdout("start", "c")
    pocker.stdout("wait", "c")
    pocker.stdout("rename", "c", "d")
    pocker.stdout("rm", "d")
    lines = [shown.stdout.readline().split()[:2] for _ in range(5)]
    assert lines == [[each, identifier] for each in ("create", "start", "die", "rename", "destroy")]
    shown.send_signal(signal.SIGINT)
    assert finish(shown)[0] == 130
    past = ("events", "--since", "1h", "--until", "0s", "--filter", f"container={identifier}")
    found = [LINE.fullmatch(line) for line in pocker.ask(*past).splitlines()]
    assert [match[3] for match in found if match] == [line[0] for line in lines]
    assert found[2] is not None
    assert found[2][5] == ("execDuration=0, exitCode=3, image=host, name=c, reason=Error, team=etl")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(Z|[+-]\d\d:\d\d)", found[2][1])
    labelled = pocker.json(*past, "--filter", "label=team=etl", "--filter", "event=die")
    assert [each["Actor"]["Attributes"]["exitCode"] for each in labelled] == ["3"]
    assert pocker.json(*past, "--filter", "label=team=web") == []


def test_what_is_asked_of_one_that_runs(pocker: Pocker) -> None:
    """A signal, a pause, a stop; one that goes when it has ended is told of to its end."""
    pocker.stdout("run", "-d", "--rm", "--name", "c", "host", "sleep", "1000")
    shown = pocker.start("events", "--since", "1h", "--format", "{{.Action}}")
    read_until(shown, "start")
    for command in (("pause",), ("unpause",), ("kill", "-s", "WINCH"), ("stop", "-t", "0")):
        pocker.stdout(*command, "c")
    asked = ["pause", "unpause", "kill"]
    assert read_until(shown, "destroy") == [*asked, "kill", "die", "stop", "destroy"]
    pocker.stdout("run", "-d", "--rm", "host", "sleep", "1000")
    read_until(shown, "start")
    pocker.stdout("kill", *pocker.ask("ps", "-q").split())
    assert read_until(shown, "destroy") == ["kill", "die", "destroy"]
