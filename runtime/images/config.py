"""What an image says of itself: how its containers start, and what its layers are. Pure.

The names are those of the OCI image configuration, which Docker's has as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from runtime.errors import ImageError
from runtime.images.document import Object, check_digest, parse, take, take_list, take_texts

_PORT = re.compile(r"[0-9]{1,5}(-[0-9]{1,5})?(/(tcp|udp|sctp))?")


@frozen(kw_only=True)
class Healthcheck:
    """How to ask a container whether it is well; times in nanoseconds, 0 for the default."""

    test: tuple[str, ...]
    interval: int = 0
    timeout: int = 0
    start_period: int = 0
    start_interval: int = 0
    retries: int = 0


@frozen(kw_only=True)
class ImageConfig:
    """How containers of an image start, unless they are told otherwise."""

    environment: Mapping[str, str] = field(factory=dict)
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    user: str = ""
    working_dir: str = ""
    volumes: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    stop_signal: str = ""
    labels: Mapping[str, str] = field(factory=dict)
    healthcheck: Healthcheck | None = None


@frozen(kw_only=True)
class History:
    """How one layer came about; `empty` where a step changed the configuration only."""

    created: str = ""
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty: bool = False


@frozen(kw_only=True)
class Configuration:
    """The whole document. `diff_ids` are the digests of the unpacked layers, the lowest first."""

    architecture: str
    os: str
    variant: str
    created: str
    author: str
    config: ImageConfig
    diff_ids: tuple[str, ...]
    history: tuple[History, ...]
    document: Object
    """As it was read, for what this program does not know and must not lose."""


def read_configuration(data: bytes, digest: str) -> Configuration:
    """From bytes that are what their digest says. Raises ImageError."""
    what = f"image configuration {digest}"
    document = parse(data, what)
    try:
        rootfs = take(document, "rootfs", dict, {})
        return Configuration(
            architecture=take(document, "architecture", str, ""),
            os=take(document, "os", str, ""),
            variant=take(document, "variant", str, ""),
            created=take(document, "created", str, ""),
            author=take(document, "author", str, ""),
            config=read_config(take(document, "config", dict, {})),
            diff_ids=tuple(map(check_digest, take_list(rootfs, "diff_ids", str))),
            history=tuple(_history(entry) for entry in take_list(document, "history", dict)),
            document=document,
        )
    except ImageError as error:
        raise ImageError(f"{what}: {error}") from error


def read_config(document: Object) -> ImageConfig:
    """The part that says how containers start. Raises ImageError."""
    health = take(document, "Healthcheck", dict, {})
    return ImageConfig(
        environment=_environment(take_list(document, "Env", str)),
        command=tuple(take_list(document, "Cmd", str)),
        entrypoint=tuple(take_list(document, "Entrypoint", str)),
        user=take(document, "User", str, ""),
        working_dir=take(document, "WorkingDir", str, ""),
        volumes=tuple(sorted(take(document, "Volumes", dict, {}))),
        ports=tuple(_port(port) for port in sorted(take(document, "ExposedPorts", dict, {}))),
        stop_signal=take(document, "StopSignal", str, ""),
        labels=take_texts(document, "Labels"),
        healthcheck=_healthcheck(health) if health.get("Test") else None,
    )


def _environment(entries: list[str]) -> dict[str, str]:
    """The last one of a name wins; one without a value is the empty text."""
    variables: dict[str, str] = {}
    for entry in entries:
        name, _, value = entry.partition("=")
        if not name or "\0" in entry:
            raise ImageError(f"config.Env: {entry[:60]!r} is not a variable")
        variables[name] = value
    return variables


def _port(text: str) -> str:
    if not _PORT.fullmatch(text):
        raise ImageError(f"config.ExposedPorts: {text[:60]!r} is not a port")
    return text if "/" in text else f"{text}/tcp"


def _healthcheck(document: Object) -> Healthcheck:
    return Healthcheck(
        test=tuple(take_list(document, "Test", str)),
        interval=take(document, "Interval", int, 0),
        timeout=take(document, "Timeout", int, 0),
        start_period=take(document, "StartPeriod", int, 0),
        start_interval=take(document, "StartInterval", int, 0),
        retries=take(document, "Retries", int, 0),
    )


def _history(document: Object) -> History:
    return History(
        created=take(document, "created", str, ""),
        created_by=take(document, "created_by", str, ""),
        author=take(document, "author", str, ""),
        comment=take(document, "comment", str, ""),
        empty=take(document, "empty_layer", bool, False),
    )


def write_config(config: ImageConfig) -> dict[str, Any]:
    """The document of a configuration; what is not set is left out."""
    document: dict[str, Any] = {
        "User": config.user,
        "ExposedPorts": {port: {} for port in config.ports},
        "Env": [f"{name}={value}" for name, value in config.environment.items()],
        "Entrypoint": list(config.entrypoint),
        "Cmd": list(config.command),
        "Volumes": {path: {} for path in config.volumes},
        "WorkingDir": config.working_dir,
        "Labels": dict(config.labels),
        "StopSignal": config.stop_signal,
    }
    if (health := config.healthcheck) is not None:
        times = {
            "Interval": health.interval,
            "Timeout": health.timeout,
            "StartPeriod": health.start_period,
            "StartInterval": health.start_interval,
            "Retries": health.retries,
        }
        document["Healthcheck"] = {
            "Test": list(health.test),
            **{key: value for key, value in times.items() if value},
        }
    return {key: value for key, value in document.items() if value}
