"""Who a job is and what it may do: one reader for each kind of value that says so.

The same rules as in `supervisor.values`. Ids are exact or refused, and names that the kernel or
the runtime does not know are never passed over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from runtime.errors import SpecError
from runtime.security.capabilities import NAMES, parse_capability
from runtime.security.sysctls import check_sysctl
from runtime.spec import HOSTNAME_PATTERN, HostEntry
from supervisor.mounts import host_path
from supervisor.policies import SecurityOptions
from supervisor.values import (
    NUMBER,
    read_choice,
    read_entries,
    read_items,
    read_scalar,
    read_text,
    refusal,
    text_of_id,
)

ULIMITS = (
    "as", "core", "cpu", "data", "fsize", "memlock", "msgqueue", "nice", "nofile", "nproc",
    "rss", "rtprio", "rttime", "sigpending", "stack",
)  # fmt: skip
"""The limits of setrlimit(2), without RLIMIT_ and in lower case."""

_GATEWAY = "host-gateway"
"""Docker's word for the address by which a container reaches the host."""
_HOST_AND_ADDRESS = re.compile(r"([^:=]+)[:=](.+)")
_MAX_ID = 2**32 - 2
_PROFILES = ("seccomp=FILE", "seccomp=builtin", "seccomp=unconfined")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,254}\$?")


def read_hostname(value: object) -> str:
    """A host name that the kernel and the resolver take."""
    text = read_text(value)
    if not HOSTNAME_PATTERN.fullmatch(text):
        raise ValueError(f"{text!r} is not a host name of at most 64 letters, digits, '-' and '.'")
    return text


def read_extra_hosts(value: object) -> tuple[HostEntry, ...]:
    """Entries of /etc/hosts, in Docker's form or as a table of names."""
    if isinstance(value, dict):
        found = read_entries(value, _read_addresses)
        return tuple(entry for entries in found.values() for entry in entries)
    if isinstance(value, list):
        return read_items(value, _read_extra_host)
    raise refusal(value, "a list or a table")


def _read_addresses(name: str, value: object) -> tuple[HostEntry, ...]:
    if isinstance(value, list):
        return read_items(value, lambda entry: _host_entry(name, read_text(entry)))
    return (_host_entry(name, read_text(value)),)


def _read_extra_host(value: object) -> HostEntry:
    text = read_text(value)
    found = _HOST_AND_ADDRESS.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not HOST:IP")
    return _host_entry(found[1], found[2])


def _host_entry(name: str, address: str) -> HostEntry:
    if address == _GATEWAY:
        raise ValueError(
            f"{name}:{_GATEWAY}: a container has no gateway to the host: it shares the host's own"
            " network, where the host is 127.0.0.1, or has none"
        )
    in_brackets = address.startswith("[") and address.endswith("]")
    try:
        return HostEntry(name=name, address=address[1:-1] if in_brackets else address)
    except SpecError as error:
        raise ValueError(error.problem) from error


def read_user(value: object) -> str:
    """``NAME|UID[:GROUP|GID]`` or a number, ids exact."""
    parts = text_of_id(value).split(":")
    if len(parts) > 2:
        raise ValueError(f"{value!r} is not NAME, UID, or either with :GROUP or :GID")
    return ":".join(map(_read_identity, parts))


def read_groups(value: object) -> tuple[str, ...]:
    """Group names and numbers."""
    return read_items(value, lambda entry: _read_identity(text_of_id(entry)))


def _read_identity(text: str) -> str:
    if _NAME.fullmatch(text) or (NUMBER.fullmatch(text) and int(text[:11]) <= _MAX_ID):
        return text
    raise ValueError(f"{text!r} is neither a name nor an id between 0 and {_MAX_ID}")


def read_capabilities(value: object) -> tuple[str, ...]:
    """Capabilities by their full names, and ALL."""
    return read_items(value, _read_capability)


def _read_capability(value: object) -> str:
    name = read_text(value)
    if name.upper() in ("ALL", "CAP_ALL"):
        return "ALL"
    return NAMES[parse_capability(name)]


def read_security_options(value: object, base: str) -> SecurityOptions:
    """Docker's security options, as far as they mean something here; the last of a kind counts."""
    options = SecurityOptions()
    for changes in read_items(value, lambda entry: _read_security_option(entry, base)):
        options = evolve(options, **changes)
    return options


def _read_security_option(entry: object, base: str) -> Mapping[str, Any]:
    known = {
        "no-new-privileges": {"no_new_privileges": True},
        "no-new-privileges:true": {"no_new_privileges": True},
        "no-new-privileges:false": {"no_new_privileges": False},
    }
    text = read_text(entry)
    name, equals, profile = text.partition("=")
    if name != "seccomp" or not equals:
        return known[read_choice(text, (*known, *_PROFILES))]
    chosen: dict[str, Any] = {"seccomp": True, "seccomp_file": None, "seccomp_profile": None}
    if profile == "unconfined":
        chosen["seccomp"] = False
    elif profile.startswith("{"):  # as Docker's client passes on what was in a file
        chosen["seccomp_profile"] = _read_profile(profile)
    elif profile != "builtin":
        chosen["seccomp_file"] = host_path(base, profile)
    return chosen


def _read_profile(text: str) -> str:
    from runtime.security.profiledocument import compact_profile  # only who has one pays for it

    return compact_profile(text)


def read_sysctls(value: object) -> dict[str, str]:
    """Sysctls of the job's own namespaces; whether net.* is its own is not known here."""
    return read_entries(value, _read_sysctl)


def _read_sysctl(name: str, value: object) -> str:
    if isinstance(value, dict):
        raise TypeError("must be a string or a number; write the sysctl's whole name in quotes")
    check_sysctl(name, network_is_host=False)
    return read_scalar(value)
