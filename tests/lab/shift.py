"""Guests that run side by side, and what they print meanwhile."""

from __future__ import annotations

import os
import selectors
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path

from tests.lab.machine import Guest, Machine


def work(
    guests: Iterator[Guest], at_once: int, consoles: Path, say: Callable[[str, str], None]
) -> Iterator[Machine]:
    """Start guests in this order and give each back when it is off.

    A guest is only asked for when it can be started. `say` is called with a guest's name and a line
    of its tests.
    """
    with selectors.DefaultSelector() as running, ExitStack() as stack:

        def start(guest: Guest) -> None:
            machine = Machine(guest, consoles / f"lab-{guest.name}.console")
            stack.enter_context(closing(machine))
            running.register(machine.output, selectors.EVENT_READ, _Output(machine, say))
            say(guest.name, "started")

        for guest in islice(guests, at_once):
            start(guest)
        while running.get_map():
            outputs: list[_Output] = [key.data for key in running.get_map().values()]
            soonest = min(output.machine.seconds_left for output in outputs)
            for key, _ in running.select(max(0, soonest)):
                if not key.data.read():
                    running.unregister(key.fileobj)
                    yield key.data.machine
                    for guest in islice(guests, 1):
                        start(guest)
            for output in outputs:
                output.machine.stop_late()


class _Output:
    """What a machine prints, line by line."""

    def __init__(self, machine: Machine, say: Callable[[str, str], None]) -> None:
        self.machine = machine
        self._say = say
        self._begun = b""

    def read(self) -> bool:
        """Pass on what is there; False at the end."""
        piece = os.read(self.machine.output.fileno(), 65536)
        *lines, self._begun = (self._begun + piece).split(b"\n")
        if not piece and self._begun:
            lines.append(self._begun)
        for line in lines:
            self._say(self.machine.guest.name, line.decode(errors="replace").rstrip("\r"))
        return bool(piece)
