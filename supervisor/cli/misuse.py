"""What is wrong with a command line, as one line that names the nearest right one. Pure.

The exit codes are Docker's for its commands, and 2 for those that it does not have.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import click

from runtime.nearest import did_you_mean, nearest
from supervisor.cli.failure import START_FAILED, USAGE, Failure

OWN = frozenset({
    "up", "reload", "down", "history", "check", "plan", "graph", "man", "serve", "systemd",
    "image verify",
})  # fmt: skip
"""The commands that Docker does not have, or by whose name it means something else."""
_ARGUMENTS = 1
"""Docker's code where a word is missing or is one too many, which no option asks for."""
_TOO_MANY = "Got unexpected extra argument"
"""Only so does click tell it from other mistakes."""

_ABOUT_VALUE = re.compile(
    r"(?:'(?P<text>.*)'|(?P<number>\S+)) is (?P<reason>not (?:a valid|in the range|one of) .*?)\.?",
    re.DOTALL,
)
_LACKS_VALUE = re.compile(r"Option '(?P<name>.*)' requires an argument\.")
_JARGON = {
    "not a valid integer": "not a whole number",
    "not a valid integer range": "not a whole number",
    "not a valid float": "not a number",
    "not a valid float range": "not a number",
}


def unknown_command(context: click.Context, name: str, known: Collection[str]) -> Failure:
    """What is to be raised for a command that a program, or a command of it, does not have."""
    path = context.command_path
    hint = did_you_mean(name, known) or f"; see '{path} --help'"
    return Failure(f"unknown command: {path} {name}{hint}")


def code_of(error: click.ClickException) -> int:
    """The exit code of an error that click has found."""
    if not isinstance(error, click.UsageError):
        return error.exit_code
    path = "" if error.ctx is None else error.ctx.command_path.partition(" ")[2]
    if path in OWN or path.partition(" ")[0] in OWN:
        return USAGE
    return _ARGUMENTS if _is_about_arguments(error) else START_FAILED


def told(error: click.ClickException) -> str:
    """The message of an error that click has found, as all others are written."""
    if isinstance(error, click.NoSuchOption):
        near = _nearest_option(error)
        hint = f'; did you mean "{near}"?' if near else _see_help(error)
        return f"{_unknown_flag(error.option_name)}{hint}"
    if isinstance(error, click.BadParameter) and isinstance(error.param, click.Option):
        return _wrong_value(error.message, error.param)
    if needy := _LACKS_VALUE.fullmatch(error.message):
        return f"flag needs an argument: {_in_full(needy['name'])}"
    message = error.format_message().rstrip(".")
    hint = _see_help(error) if _is_about_arguments(error) else ""
    return f"{message[:1].lower()}{message[1:]}{hint}"


def invalid(value: str, option: click.Option) -> str:
    """What Docker says of a value that an option does not take, up to the reason."""
    return f'invalid argument "{value}" for "{_flag(option)}" flag'


def _flag(option: click.Option) -> str:
    """Its names, as Docker has them: a short one and a long one."""
    short = [name for name in option.opts if not name.startswith("--")]
    long = [name for name in option.opts if name.startswith("--")]
    return ", ".join((*short[:1], *long[:1]))


def _wrong_value(message: str, option: click.Option) -> str:
    """A message of click's, which begins with the value where it is about one of its types."""
    found = _ABOUT_VALUE.fullmatch(message)
    if found is None:
        return f"{_flag(option)}: {message.rstrip('.')}"
    reason = _JARGON.get(found["reason"], found["reason"])
    return f"{invalid(found['text'] or found['number'], option)}: {reason}"


def _is_about_arguments(error: click.ClickException) -> bool:
    if isinstance(error, click.BadParameter):
        return isinstance(error.param, click.Argument)
    return error.message.startswith(_TOO_MANY)


def _unknown_flag(name: str) -> str:
    if name.startswith("--"):
        return f"unknown flag: {name}"
    return f"unknown shorthand flag: {_in_full(name)}"


def _in_full(name: str) -> str:
    return name if name.startswith("--") else f"{name[1:]!r} in {name}"


def _see_help(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    return "" if context is None else f"; see '{context.command_path} --help'"


def _nearest_option(error: click.NoSuchOption) -> str | None:
    """Without the dashes, which all options share: they say nothing about which one was meant."""
    if error.ctx is None:
        return None
    known = {
        name.lstrip("-"): name
        for parameter in error.ctx.command.get_params(error.ctx)
        if isinstance(parameter, click.Option) and not parameter.hidden
        for name in (*parameter.opts, *parameter.secondary_opts)
    }
    near = nearest(error.option_name.lstrip("-"), known)
    return None if near is None else known[near]
