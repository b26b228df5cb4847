"""The pure parts: configurations, changes to them, and how a container of an image starts."""

from __future__ import annotations

import pytest

from runtime.errors import ImageError
from runtime.images.changes import apply_changes
from runtime.images.config import Healthcheck, ImageConfig, read_config, write_config
from runtime.images.startup import merged_command

CONFIG = ImageConfig(entrypoint=("run",), command=("default",))


@pytest.mark.parametrize(
    ("entrypoint", "command", "result"),
    [
        (None, None, ("run", "default")),
        (None, ("mine",), ("run", "mine")),
        (("sh",), None, ("sh",)),
        (("sh",), ("-c", "x"), ("sh", "-c", "x")),
        ((), ("x",), ("x",)),
        ((), None, ()),
    ],
)
def test_commands_are_merged(
    entrypoint: tuple[str, ...] | None, command: tuple[str, ...] | None, result: tuple[str, ...]
) -> None:
    """An entrypoint of the user's own puts the image's arguments aside."""
    assert merged_command(CONFIG, entrypoint, command) == result


def test_changes_are_those_of_a_dockerfile() -> None:
    """Each instruction changes its part, later ones win."""
    changes = [
        "CMD one", 'cmd ["a", "b c"]', "ENTRYPOINT run it", "ENV A=1 B='x y'", "ENV C some words",
        "LABEL k=v", "USER app:staff", "WORKDIR /srv", "WORKDIR sub", "VOLUME /data /more",
        'VOLUME ["/a b"]', "EXPOSE 80 53/udp", "STOPSIGNAL SIGINT",
        "HEALTHCHECK --interval=5s --retries=2 CMD curl x",
    ]  # fmt: skip
    assert apply_changes(ImageConfig(), changes) == ImageConfig(
        command=("a", "b c"),
        entrypoint=("/bin/sh", "-c", "run it"),
        environment={"A": "1", "B": "x y", "C": "some words"},
        labels={"k": "v"},
        user="app:staff",
        working_dir="/srv/sub",
        volumes=("/a b", "/data", "/more"),
        ports=("53/udp", "80/tcp"),
        stop_signal="SIGINT",
        healthcheck=Healthcheck(test=("CMD-SHELL", "curl x"), interval=5 * 10**9, retries=2),
    )


@pytest.mark.parametrize(
    "change",
    [
        "", "RUN x", "FROM y", "USER", "ENV", "ENV A=1 B", "EXPOSE many", "HEALTHCHECK x",
        "HEALTHCHECK --nope=1 CMD x", "LABEL =x", "VOLUME",
    ],
)  # fmt: skip
def test_a_bad_change_is_named(change: str) -> None:
    """The error has the change in it."""
    with pytest.raises(ImageError, match="change "):
        apply_changes(ImageConfig(), [change])


def test_a_configuration_survives_a_round_trip() -> None:
    """What is written is read as it was."""
    config = apply_changes(ImageConfig(), ["ENV A=b", "EXPOSE 1", "VOLUME /v", "HEALTHCHECK NONE"])
    assert read_config(write_config(config)) == config


@pytest.mark.parametrize(
    "document",
    [
        {"Env": ["=x"]}, {"Env": "A=b"}, {"Env": [1]}, {"Cmd": "x"}, {"User": 1},
        {"Labels": {"a": 1}}, {"ExposedPorts": {"x": {}}},
    ],
)  # fmt: skip
def test_a_bad_configuration_is_refused(document: dict[str, object]) -> None:
    """Nothing of the wrong type is taken for something else."""
    with pytest.raises(ImageError):
        read_config(document)
