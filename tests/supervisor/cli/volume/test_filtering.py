"""Which volumes filters let through."""

from __future__ import annotations

import click
import pytest

from runtime.volumes.store import StoredVolume
from supervisor.cli.volume.filtering import matches, read_volume_filters

VOLUME = StoredVolume(name="data", created=0.0, labels={"a": "b", "c": ""}, home="/v/data")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], True),
        (["name=at"], True),
        (["name=x", "name=at"], True),
        (["name=at", "label=x"], False),
        (["label=a"], True),
        (["label=a=b"], True),
        (["label=a=c"], False),
        (["driver=local"], True),
        (["driver=nfs"], False),
        (["dangling=false"], True),
        (["dangling=true"], False),
    ],
)
def test_filters_with_one_key_add_up_and_others_must_all_be_met(
    filters: list[str], expected: bool
) -> None:
    """As Docker has it."""
    assert matches(VOLUME, read_volume_filters(filters), {"data"}) is expected


@pytest.mark.parametrize("text", ["name", "nmae=x", "dangling=1"])
def test_what_is_no_filter_is_refused(text: str) -> None:
    """And named."""
    with pytest.raises(click.UsageError, match=text.partition("=")[0]):
        read_volume_filters([text])
