"""A process that carries out trials: `python -m tests.torture.faultworker IMAGE TOP`.

Reads one order a line: a fault, or ``record PLAY``. Answers each with one line of JSON. It is a
process of its own because it forks supervisors off, has the orphans of all that it starts come to
itself, and has nothing else to do while a system call stands still.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

from tests.torture.fault import Fault
from tests.torture.forked import learn
from tests.torture.plays import PLAYS, Play
from tests.torture.remains import being_reaper, left_behind
from tests.torture.trial import Place, Stuck, Trial, faults_of
from tests.torture.verdict import Verdict, judge


def main(image: str, top: Path) -> None:
    """Carry out what is asked for on standard input until it ends."""
    _learn(image, top)
    with being_reaper():
        for number, line in enumerate(sys.stdin):
            word, _, name = line.strip().partition(" ")
            fault = None if word == "record" else Fault.parse(word)
            play_name = name if fault is None else fault.play
            answer = _carry_out(play_name, fault, image, top, number)
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


def _learn(image: str, top: Path) -> None:
    place = Place(top=top / "learning")
    _prepare(place, PLAYS["run"], "learning", image)
    directories = ["--root", str(place.root), "--state", str(place.state)]
    learn([*directories, "up", str(place.file)], place.top)
    learn([*directories, "down"], place.top)


def _prepare(place: Place, play: Play, project: str, image: str) -> None:
    place.shared.mkdir(parents=True)
    place.shared.chmod(0o777)
    place.file.write_text(play.jobs_file(project, image))
    place.rest.write_text('[jobs.rest]\nimage = "host"\ncommand = ["true"]\n')


def _carry_out(name: str, fault: Fault | None, image: str, top: Path, number: int) -> object:
    play = PLAYS[name]
    project = f"f{os.getpid()}-{number}"
    place = Place(top=top / str(number))
    _prepare(place, play, project, image)
    trial = Trial(place=place, fault=fault)
    try:
        play.perform(trial)
        if not trial.unfinished and any(left_behind(place.top, project)):
            # Killed at its very end, or not let: the next supervisor, whatever it runs, clears up.
            rest = trial.start("up", str(place.rest))
            trial.attend(lambda: rest.ended)
        verdict = judge(trial, play, project)
    except Stuck:
        verdict = Verdict(end="stuck", problems=["a step took too long", *_stacks(trial)])
    trial.abandon()
    if verdict.problems:
        (place.top / "verdict").write_text("\n".join([str(fault), trial.hit, *verdict.problems]))
    else:
        shutil.rmtree(place.top)
    return {
        "fault": None if fault is None else str(fault),
        "hit": trial.hit,
        "end": verdict.end,
        "problems": [*verdict.problems],
        "evidence": str(place.top) if verdict.problems else "",
        "faults": [str(each) for each in faults_of(name, trial.seen)],
    }


def _stacks(trial: Trial) -> list[str]:
    """Say what every process that is left is doing."""
    return [
        f"{supervisor.log.name}: {supervisor.said[-500:]}"
        for supervisor in trial.supervisors
        if not supervisor.ended
    ]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
