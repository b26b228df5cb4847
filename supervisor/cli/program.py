"""The program `pocker`: finds the command, runs it, and makes one clear line of every error.

Nothing of a command is imported before it is asked for, so the help and the small commands start
at once.
"""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

import click

from supervisor.cli.failure import USAGE, Failure, describe_os_error
from supervisor.cli.misuse import code_of, told, unknown_command
from supervisor.cli.settings import LOG_FORMATS, LOG_LEVELS, MAX_ROOT_BYTES, LogFormat, Settings
from supervisor.cli.subcommands import starting
from supervisor.cli.terminal import harmless
from supervisor.cli.truth import plain_flags
from supervisor.forkserver import bond
from supervisor.problems import JobsFileError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

NAME = "pocker"
DISTRIBUTION = "pocker-supervisor"
INTERNAL_ERROR = 70
"""EX_SOFTWARE of sysexits.h."""
INTERRUPTED = 130
VARIABLE = "_POCKER_COMPLETE"
"""By this a shell asks what could come next."""
_ALLOCATIONS = 10_000
"""Between two looks for garbage: Python's own few hundred find none while modules are imported."""
BROKEN_PIPE = 141
"""As if SIGPIPE had ended it, like any other program whose reader has gone."""

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Run": {
        "run": "Run a command in a container of its own.",
        "exec": "Run a command in a container that runs.",
        "cp": "Copy files between a container and the host.",
        "create": "Make a container to be started later.",
        "start": "Start containers that have ended.",
        "restart": "Stop containers and start them again.",
        "attach": "Watch a container, and type at it.",
        "pause": "Stop all processes of jobs or containers for now.",
        "unpause": "Let them go on.",
        "rename": "Give a container another name.",
        "update": "Give containers other limits.",
        "kill": "Kill jobs or containers, or send them a signal.",
        "rm": "Remove containers that have ended.",
        "up": "Run the jobs of a file until all have ended.",
        "stop": "Stop single jobs.",
        "reload": "Read the jobs file again and change what has changed.",
        "wait": "Wait until jobs have ended, and print their exit codes.",
        "down": "Stop all jobs and the supervisor.",
    },
    "Look": {
        "ps": "List the jobs of the last session.",
        "stats": "Show what running jobs use, and what they wait for.",
        "top": "List the processes of a job or container.",
        "logs": "Show the output of jobs.",
        "diff": "List what a container has changed in its root.",
        "events": "Show what happened, as it happens.",
        "history": "List past runs of jobs.",
        "inspect": "Show all that is known about containers, images and more, as JSON.",
    },
    "Images": {
        "images": "List images.",
        "pull": "Bring an image from a registry.",
        "commit": "Make an image of what a container has changed.",
        "export": "Write the root of a container to a tar archive.",
        "import": "Make an image of a tar archive of a root file system.",
        "load": "Load images from an archive.",
        "save": "Write images to an archive.",
        "push": "Send an image to a registry.",
        "login": "Log in to a registry.",
        "logout": "Log out of a registry.",
        "tag": "Give an image another name.",
        "rmi": "Remove images.",
        "image": "Look after images: history, inspect, prune, verify and all of the above.",
    },
    "Volumes": {
        "volume": "Look after volumes: create, ls, inspect, rm and prune.",
    },
    "Understand": {
        "check": "Check a file; start nothing.",
        "plan": "Show each step of a job's start; take none.",
        "graph": "Show the order of the jobs.",
        "info": "Show what the program and the machine are.",
        "system": "Look after all that is kept: df and prune.",
        "version": "Show the versions of program and kernel.",
        "completion": "Print what makes a shell complete commands.",
        "man": "Write the pages of the manual.",
    },
    "Serve": {
        "serve": "Look after the containers of run -d.",
        "systemd": "Run jobs or containers as a service of systemd.",
    },
}
"""The commands. Each is `command` in the module of its name in this package, or of `_MODULES`."""

_MODULES = {
    "commit": "image.committing",
    "image": "image.group",
    "images": "image.listing",
    "import": "image.importing",
    "load": "image.loading",
    "login": "image.login",
    "logout": "image.logout",
    "pull": "image.pulling",
    "push": "image.pushing",
    "rmi": "image.removal",
    "save": "image.saving",
    "tag": "image.tagging",
    "system": "system.group",
    "volume": "volume.group",
}

_COMMANDS = {name: text for section in SECTIONS.values() for name, text in section.items()}


class _Commands(click.Group):
    """Knows the names of all commands, and imports one when it is asked for."""

    def list_commands(self, _: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, _: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = import_module(f"supervisor.cli.{_MODULES.get(cmd_name, cmd_name)}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in _COMMANDS and not args[0].startswith("-"):
            raise unknown_command(ctx, args[0], _COMMANDS)
        name, command, rest = super().resolve_command(ctx, args)
        return name, command, plain_flags(command, rest) if command else rest

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        options = click.Command.shell_complete(self, ctx, incomplete)
        return [*starting(incomplete, _COMMANDS), *options]

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))


def _absolute(_: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    path = os.path.abspath(value)
    if option.name == "root" and len(os.fsencode(path)) > MAX_ROOT_BYTES:
        raise click.BadParameter(f"{path} is longer than {MAX_ROOT_BYTES} bytes")
    return path


@click.group(
    cls=_Commands,
    no_args_is_help=False,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--root", metavar="DIR", callback=_absolute, help="What lasts until the next boot lies here."
)
@click.option("--state", metavar="DIR", callback=_absolute, help="What is kept lies here.")
@click.option(
    "--log-level",
    type=click.Choice(LOG_LEVELS),
    help="What of the supervisor's own log is shown.  [default: info, on a terminal warning]",
)
@click.option(
    "--log-format",
    type=click.Choice(LOG_FORMATS),
    default="auto",
    help="How; auto is console on a terminal.  [default: auto]",
)
@click.version_option(package_name=DISTRIBUTION, message=f"{NAME} %(version)s")
@click.pass_context
def program(
    ctx: click.Context,
    root: str | None,
    state: str | None,
    log_level: str | None,
    log_format: LogFormat,
) -> None:
    """Run jobs from a TOML file, each in a container of its own."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(0)
    ctx.obj = Settings.of(root, state, log_level, log_format)


def enter() -> NoReturn:
    """Be the program: `main` in a process that ends with it; who waits for it is told at last.

    The kernel takes down a process faster than Python its modules, of which nothing is expected.
    Threads with something left to do, as with logs to compress, are waited for.
    """
    gc.set_threshold(_ALLOCATIONS)
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # an error of `main` has told its code already
            stream.flush()
    others = set(threading.enumerate()) - {threading.main_thread()}
    if not all(thread.daemon for thread in others):
        atexit.register(bond.tell, code)
        sys.exit(code)
    bond.tell(code)
    os._exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code."""
    _secure_standard_streams()
    try:
        if instruction := os.environ.get(VARIABLE):
            # Only a shell asks, and only then is its module needed.
            from supervisor.cli.completion import complete

            return complete(program, NAME, instruction)
        # Not program.main(), which makes an exit code of its own of a reader that has gone.
        given = sys.argv[1:] if arguments is None else [*arguments]
        with program.make_context(NAME, given) as context:
            status = program.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as error:
        return error.exit_code
    except BrokenPipeError:
        _abandon_output()
        return BROKEN_PIPE
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except JobsFileError as error:
        # As compilers do it, so that editors find the place.
        _complain(map(str, error.problems), prefix="")
        return USAGE
    except Failure as error:
        _complain([str(error)])
        return error.code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return 0
    except click.ClickException as error:
        _complain([told(error)])
        return code_of(error)
    except OSError as error:
        _complain([describe_os_error(error)])
        _abandon_output()
        return 1
    except Exception:  # noqa: BLE001 # python's own 1 would say that a job has failed
        sys.excepthook(*sys.exc_info())
        return INTERNAL_ERROR
    return int(status or 0)


def _complain(messages: Iterable[str], prefix: str = f"{NAME}: ") -> None:
    with suppress(OSError):  # there is nobody else to tell, and the code says it still
        for message in messages:
            click.echo(f"{prefix}{harmless(message)}", err=True)


def _secure_standard_streams() -> None:
    """Let 0, 1 and 2 be open: whatever is opened in their place would be written to."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    # Python has none for a descriptor that was closed.
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _abandon_output() -> None:
    """Let what is still to be written go nowhere: it cannot be written where it should go."""
    descriptor = os.open(os.devnull, os.O_WRONLY)
    os.dup2(descriptor, 1)
    os.close(descriptor)
