"""What is set for single registries: mirrors, an authority of their own, less care on loopback.

Pure. A mirror is named as images are, so that what is set for its own host holds for it too.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, field, frozen

from runtime.errors import ImageError
from runtime.images.reference import DEFAULT_DOMAIN, Reference, parse_reference


@frozen(kw_only=True)
class Mirror:
    """Another place that has the same repositories; `path` stands in front of their names."""

    domain: str
    path: str = ""

    def reference(self, original: Reference) -> Reference:
        """What the mirror calls an image."""
        path = f"{self.path}/{original.path}" if self.path else original.path
        return evolve(original, domain=self.domain, path=path)


@frozen(kw_only=True)
class RegistrySettings:
    """What is set for one registry. `insecure` is for loopback only."""

    mirrors: tuple[Mirror, ...] = ()
    ca_file: str | None = None
    insecure: bool = False


@frozen(kw_only=True)
class Registries:
    """All that is set, by the registries' names."""

    tables: Mapping[str, RegistrySettings] = field(factory=dict)

    def of(self, domain: str) -> RegistrySettings:
        """What holds for a registry."""
        return self.tables.get(domain, RegistrySettings())

    def places(self, reference: Reference) -> list[Reference]:
        """Where to look for an image, one after the other: its own registry last."""
        mirrors = self.of(reference.domain).mirrors
        return [*(mirror.reference(reference) for mirror in mirrors), reference]


def parse_domain(text: str) -> str:
    """The name of a registry, as it stands in names of images. Raises ImageError."""
    if "://" in text or "/" in text:
        raise ImageError(f"{text[:300]!r} is not HOST or HOST:PORT")
    reference = parse_reference(f"{text}/name")
    if reference.domain == DEFAULT_DOMAIN and text not in {DEFAULT_DOMAIN, "index.docker.io"}:
        raise ImageError(
            f"{text[:300]!r} names no registry: there is neither a dot nor a port in it,"
            " nor is it localhost"
        )
    return reference.domain


def parse_mirror(text: str) -> Mirror:
    """A mirror as it is written: ``HOST[:PORT][/PATH]``. Raises ImageError."""
    if "://" in text:
        raise ImageError(f"{text[:300]!r} is not HOST[:PORT][/PATH]; https is used by itself")
    host, _, path = text.partition("/")
    domain = parse_domain(host)
    if path:
        parse_reference(f"{domain}/{path}/name")
    return Mirror(domain=domain, path=path)
