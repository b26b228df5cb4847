"""Reads registries.toml: what is set for single registries, or every problem of the file at once.

Pure: the text and the place of the file are given.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from runtime.errors import ImageError
from runtime.nearest import did_you_mean
from runtime.registry.address import is_loopback, origin_of
from runtime.registry.settings import (
    Mirror,
    Registries,
    RegistrySettings,
    parse_domain,
    parse_mirror,
)
from supervisor.faults import REFUSALS, Fault, Refused, faults_of
from supervisor.jobsfile import parse_toml, place
from supervisor.mounts import host_path
from supervisor.problems import JobsFileError
from supervisor.values import expect, read_entries, read_flag, read_items, read_text

T = TypeVar("T")

_KEYS = ("ca_file", "insecure", "mirrors")


def read_registries(text: bytes, path: str) -> Registries:
    """What the file at `path`, which is absolute, says. Raises JobsFileError."""
    document = parse_toml(text, path)
    faults = [
        Fault((key,), f"unknown key{did_you_mean(key, ['registries'])}")
        for key in document
        if key != "registries"
    ]
    base = posixpath.dirname(path)
    tables: dict[str, RegistrySettings] = {}
    try:
        tables = read_entries(document.get("registries", {}), partial(_read_table, base))
    except REFUSALS as error:
        faults += faults_of(error, ("registries",))
    found: dict[str, RegistrySettings] = {}
    for name, settings in tables.items():
        if parse_domain(name) in found:
            faults.append(Fault(("registries", name), f"{parse_domain(name)} is set twice"))
        found[parse_domain(name)] = settings
    if faults:
        raise JobsFileError(place(faults, text, path))
    return Registries(tables=found)


def _read_table(base: str, name: str, value: object) -> RegistrySettings:
    domain = _worded(parse_domain, name)
    readers: Mapping[str, Callable[[object], object]] = {
        "ca_file": lambda given: host_path(base, read_text(given)),
        "insecure": partial(_read_insecure, domain),
        "mirrors": lambda given: read_items(given, _read_mirror),
    }

    def read(key: str, given: object) -> object:
        if key not in readers:
            raise ValueError(f"unknown key{did_you_mean(key, _KEYS)}")
        return readers[key](given)

    values = read_entries(expect(value, dict), read)
    if "ca_file" in values and values.get("insecure"):
        raise Refused([Fault(("insecure",), "with it no certificate counts, that of ca_file too")])
    return RegistrySettings(**values)  # type: ignore[arg-type]  # each reader returns its own type


def _read_mirror(value: object) -> Mirror:
    return _worded(parse_mirror, read_text(value))


def _read_insecure(domain: str, value: object) -> bool:
    insecure = read_flag(value)
    if insecure and not is_loopback(origin_of(f"https://{domain}").host):
        raise ValueError(
            f"{domain} is another machine; name the authority of its certificate with ca_file"
        )
    return insecure


def _worded(parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except ImageError as error:
        raise ValueError(str(error)) from error
