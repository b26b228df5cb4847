"""Changes to an image's configuration in the words of a Dockerfile, as `-c` takes them. Pure."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import evolve

from runtime.errors import ImageError
from runtime.images.config import Healthcheck, ImageConfig, read_config
from runtime.units import parse_duration

_WORD = re.compile(r"(\w+)\s*(.*)", re.DOTALL)
_OPTION = re.compile(r"--([a-z-]+)=(\S+)\s+")
_SHELL = ("/bin/sh", "-c")
_NANOSECONDS = 10**9


def apply_changes(config: ImageConfig, changes: Sequence[str]) -> ImageConfig:
    """The configuration after all changes, in their order. Raises ImageError."""
    for change in changes:
        match = _WORD.fullmatch(change.strip())
        instruction = "" if match is None else match[1].upper()
        if match is None or instruction not in _READERS:
            known = ", ".join(_READERS)
            raise ImageError(f"change {change[:100]!r}: is none of {known}")
        try:
            config = _READERS[instruction](config, match[2].strip())
        except (ImageError, ValueError, TypeError) as error:
            raise ImageError(f"change {change[:100]!r}: {error}") from error
    return config


def _command(text: str) -> tuple[str, ...]:
    """A JSON list as it is; anything else is for a shell. Nothing at all is an empty command."""
    if text.startswith("["):
        try:
            words = json.loads(text)
        except ValueError:
            words = None
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            return tuple(words)
    return (*_SHELL, text) if text else ()


def _words(text: str) -> tuple[str, ...]:
    """A JSON list, or words as a shell splits them."""
    if text.startswith("["):
        return _command(text)
    return _filled(tuple(shlex.split(text)))


def _filled(words: tuple[str, ...]) -> tuple[str, ...]:
    if not words:
        raise ValueError("is empty")
    return words


def _pairs(text: str) -> dict[str, str]:
    """``KEY=VALUE ...``, or the old ``KEY VALUE``."""
    words = shlex.split(text)
    if words and "=" not in words[0]:
        key, _, value = text.partition(" ")
        return {key: value.strip()}
    pairs = {}
    for word in _filled(tuple(words)):
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise ValueError(f"{word!r} is not KEY=VALUE")
        pairs[key] = value
    return pairs


def _one(text: str) -> str:
    if not text:
        raise ValueError("is empty")
    return text


def _entrypoint(config: ImageConfig, text: str) -> ImageConfig:
    return evolve(config, entrypoint=_command(text))


def _cmd(config: ImageConfig, text: str) -> ImageConfig:
    return evolve(config, command=_command(text))


def _env(config: ImageConfig, text: str) -> ImageConfig:
    return evolve(config, environment={**config.environment, **_pairs(text)})


def _label(config: ImageConfig, text: str) -> ImageConfig:
    return evolve(config, labels={**config.labels, **_pairs(text)})


def _user(config: ImageConfig, text: str) -> ImageConfig:
    return evolve(config, user=_one(text))


def _workdir(config: ImageConfig, text: str) -> ImageConfig:
    path = _one(text)
    if not path.startswith("/"):
        path = f"{config.working_dir.rstrip('/')}/{path}"
    return evolve(config, working_dir=path)


def _volume(config: ImageConfig, text: str) -> ImageConfig:
    return evolve(config, volumes=tuple(sorted({*config.volumes, *_words(text)})))


def _expose(config: ImageConfig, text: str) -> ImageConfig:
    ports = read_config({"ExposedPorts": dict.fromkeys(_words(text))}).ports
    return evolve(config, ports=tuple(sorted({*config.ports, *ports})))


def _stop_signal(config: ImageConfig, text: str) -> ImageConfig:
    return evolve(config, stop_signal=_one(text))


def _healthcheck(config: ImageConfig, text: str) -> ImageConfig:
    options: dict[str, Any] = {}
    names: Mapping[str, str] = {
        "interval": "interval",
        "timeout": "timeout",
        "start-period": "start_period",
        "start-interval": "start_interval",
        "retries": "retries",
    }
    while match := _OPTION.match(text):
        if match[1] not in names:
            raise ValueError(f"--{match[1]} is not an option of HEALTHCHECK")
        value = int(match[2]) if match[1] == "retries" else parse_duration(match[2]) * _NANOSECONDS
        options[names[match[1]]] = int(value)
        text = text[match.end() :]
    word, _, rest = text.partition(" ")
    if word.upper() == "NONE" and not rest:
        return evolve(config, healthcheck=Healthcheck(test=("NONE",)))
    if word.upper() != "CMD" or not rest.strip():
        raise ValueError("wants CMD and a command, or NONE")
    command = _command(rest.strip())
    shell = command[:2] == _SHELL and not rest.strip().startswith("[")
    test = ("CMD-SHELL", command[2]) if shell else ("CMD", *command)
    return evolve(config, healthcheck=Healthcheck(test=test, **options))


_READERS: Mapping[str, Callable[[ImageConfig, str], ImageConfig]] = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _label,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
