"""What is done once the user of a command has left it: somebody must hold its terminal."""

from __future__ import annotations

import os
import select
import signal
import sys
from typing import NoReturn

import click

from runtime.container.leaving import Holder
from supervisor.cli.attend import FORWARDED
from supervisor.cli.failure import Failure
from supervisor.cli.removal import ask_or_fail
from supervisor.cli.settings import Settings
from supervisor.cli.standby import begin_serving, is_served
from supervisor.forkserver import bond

_PATIENCE = 10.0
"""Seconds for a supervisor to take it up before its user can go on."""


def leave(settings: Settings, holder: Holder) -> NoReturn:
    """Have a supervisor look after the container that was written down, and hold its terminal."""
    # In a process of its own, whose children are not those of who becomes the holder.
    if (pid := os.fork()) == 0:
        _have_it_supervised(settings)
    child = os.pidfd_open(pid)
    look = select.poll()
    look.register(child, select.POLLIN)
    look.poll(_PATIENCE * 1000)  # it goes on by itself where the supervisor takes its time
    os.close(child)
    let_go(holder)


def let_go(holder: Holder) -> NoReturn:
    """Let the user go on, and hold the terminal."""
    sys.stdout.flush()
    sys.stderr.flush()
    holder.become(bond.set_free)


def _have_it_supervised(settings: Settings) -> NoReturn:
    bond.forget()
    for number in FORWARDED:  # whose business they were has been left
        signal.signal(number, signal.SIG_DFL)
    try:
        while not (is_served(settings) and ask_or_fail(settings, lambda client: client.reload())):
            if begin_serving(settings):
                break
    except Failure as error:
        # Whoever comes next starts one.
        click.echo(f"pocker: nobody supervises the container now: {error}", err=True)
    finally:
        sys.stderr.flush()
        os._exit(0)
