"""Which registries this user may enter, and how: what the commands hand to the runtime."""

from __future__ import annotations

import os
from collections.abc import Mapping

from runtime.errors import ImageError, RegistryError
from runtime.invoker import invoking_user
from runtime.registry.access import Access
from runtime.registry.authfile import normalised
from runtime.registry.credentials import read_bounded
from runtime.registry.settings import Registries, parse_domain
from supervisor.cli.failure import Failure

VARIABLE = "POCKER_REGISTRIES"
"""Names another file with settings than the usual one."""


def own_access() -> Access:
    """That of whoever runs this program. Raises Failure or JobsFileError."""
    return Access(registries=_settings(), environ=os.environ, uid=invoking_user())


def settings_path(environ: Mapping[str, str], uid: int) -> str:
    """Where the settings of registries are, if there are any."""
    if named := environ.get(VARIABLE):
        return named
    if uid == 0:
        return "/etc/pocker/registries.toml"
    config = environ.get("XDG_CONFIG_HOME") or f"{environ.get('HOME', '/')}/.config"
    return f"{config}/pocker/registries.toml"


def _settings() -> Registries:
    path = os.path.abspath(settings_path(os.environ, invoking_user()))
    try:
        text = read_bounded(path)
    except RegistryError as error:
        raise Failure(str(error)) from error
    if text is None:
        if os.environ.get(VARIABLE):
            raise Failure(f"{path}: no such file, and {VARIABLE} names it")
        return Registries()
    # Only a file that is there pays for what reads it.
    from supervisor.registriesfile import read_registries

    return read_registries(text, path)


def registry_named(text: str) -> str:
    """The registry that a user means, who may write it as an address. Raises Failure."""
    try:
        return parse_domain(normalised(text))
    except ImageError as error:
        raise Failure(str(error)) from error
