"""Lines of the supervisor's own log as entries of the systemd journal. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from supervisor.logs.journald.entry import encode_field

IDENTIFIER = "pocker"
FIELDS = ("job", "run", "attempt", "reason", "code")
"""What a line may say that becomes a field of its own, in capitals."""

_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}


def own_entry(level: str, said: Mapping[str, object]) -> bytes:
    """The entry of a line: `said` has its text as ``event``, and its values by name."""
    values = {name: _text(value) for name, value in said.items() if name != "event"}
    fields = {
        "MESSAGE": " ".join(
            [str(said["event"]), *(f"{name}={_quoted(text)}" for name, text in values.items())]
        ),
        "PRIORITY": str(_PRIORITIES[level]),
        "SYSLOG_IDENTIFIER": IDENTIFIER,
        **{name.upper(): values[name] for name in FIELDS if said.get(name) is not None},
    }
    # Names of files that are no text come as surrogates.
    return b"".join(
        encode_field(name, text.encode(errors="surrogateescape")) for name, text in fields.items()
    )


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _quoted(text: str) -> str:
    if text and not any(character in text for character in ' "=\n'):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
