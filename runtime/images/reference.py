"""Names of images, by Docker's rules: ``busybox`` is ``docker.io/library/busybox:latest``.

Pure. What `parse_reference` returns is complete, so two texts mean the same image exactly if their
references are equal. Both forms of a reference, the canonical one (`str`) and the familiar one, are
read back as that same reference.
"""

from __future__ import annotations

import re

from attrs import frozen

from runtime.errors import ImageError

DEFAULT_DOMAIN = "docker.io"
DEFAULT_TAG = "latest"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
"""The digests that are verified here."""

_LEGACY_DOMAIN = "index.docker.io"
_OFFICIAL = "library/"
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::([0-9]{{1,5}}))?")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}")
_IDENTIFIER = re.compile(r"[0-9a-f]{64}")
_MAX_NAME = 255
_MAX_PORT = 65535
_MAX_TEXT = 1024


@frozen(kw_only=True)
class Reference:
    """A name that is complete: where from, what, and which; a digest outweighs a tag."""

    domain: str
    path: str
    tag: str | None
    digest: str | None

    @property
    def name(self) -> str:
        """Without tag and digest, in full."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar_name(self) -> str:
        """As Docker shows the name: without what is added when it is read."""
        if self.domain != DEFAULT_DOMAIN:
            return self.name
        for short in (self.path.removeprefix(_OFFICIAL), self.path):
            # A path such as foo.bar/baz would be read as that of another registry.
            if not _IDENTIFIER.fullmatch(short) and _split(short) == (self.domain, self.path):
                return short
        return self.name

    @property
    def familiar(self) -> str:
        """As Docker shows it, with tag and digest; the tag that is added by itself is shown."""
        return f"{self.familiar_name}{self._which}"

    @property
    def _which(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{tag}@{self.digest}" if self.digest else tag

    def __str__(self) -> str:
        return f"{self.name}{self._which}"


def parse_reference(text: str) -> Reference:
    """Read what a user wrote; the tag is `latest` where there is neither a tag nor a digest.

    Raises ImageError.
    """
    if not text:
        raise ImageError("image reference is empty")
    if len(text) > _MAX_TEXT:
        raise _refused(text, f"longer than {_MAX_TEXT} characters")
    if _IDENTIFIER.fullmatch(text):
        raise _refused(text, "64 hexadecimal digits are an id, not a name")
    named, at, digest = text.partition("@")
    if at and not DIGEST.fullmatch(digest):
        raise _refused(text, "the digest is not sha256: and 64 hexadecimal digits in lower case")
    name, colon, tag = named.rpartition(":")
    if not colon or "/" in tag:  # that colon belongs to a port
        name, colon, tag = named, "", ""
    if colon and not _TAG.fullmatch(tag):
        raise _refused(
            text,
            f"the tag {tag[:130]!r} is not 1 to 128 letters, digits and `_.-` that begin"
            " with neither `.` nor `-`",
        )
    domain, path = _split(name)
    if problem := _name_problem(domain, path):
        raise _refused(text, problem)
    if not tag and not digest:
        tag = DEFAULT_TAG
    return Reference(domain=domain, path=path, tag=tag or None, digest=digest or None)


def _split(name: str) -> tuple[str, str]:
    """Domain and path of a name without tag and digest, not checked."""
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        domain, path = first, rest
    else:
        domain, path = DEFAULT_DOMAIN, name
    if domain == _LEGACY_DOMAIN:
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in path:
        path = f"{_OFFICIAL}{path}"
    return domain, path


def _name_problem(domain: str, path: str) -> str | None:
    match = _DOMAIN.fullmatch(domain)
    if match is None:
        return f"{domain[:300]!r} is not the name of a registry"
    if match[1] is not None and not 0 < int(match[1]) <= _MAX_PORT:
        return f"port {match[1]} is not between 1 and {_MAX_PORT}"
    if path in {"", _OFFICIAL}:
        return "there is no name"
    if path != path.lower():
        return "the name is not in lower case"
    if not _PATH.fullmatch(path):
        return (
            f"{path[:300]!r} is not a name: letters and digits, joined by `.`, `_`, `__` or dashes,"
            " in parts between slashes"
        )
    if len(domain) + 1 + len(path) > _MAX_NAME:
        return f"the name is longer than {_MAX_NAME} characters"
    return None


def _refused(text: str, problem: str) -> ImageError:
    return ImageError(f"image reference {text[:300]!r}: {problem}")
