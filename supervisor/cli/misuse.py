"""What is wrong with a command line, as one line that names the nearest right one. Pure."""

from __future__ import annotations

import click

from runtime.nearest import nearest


def told(error: click.ClickException) -> str:
    """The message of an error that click has found, as all others are written."""
    if isinstance(error, click.NoSuchOption):
        near = _nearest_option(error)
        return f"no such option: {error.option_name}" + (
            f'; did you mean "{near}"?' if near else ""
        )
    message = error.format_message().rstrip(".")
    return message[:1].lower() + message[1:]


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
