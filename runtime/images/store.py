"""The image store: an OCI image layout on disk with the unpacked layers beside it.

`index.json` names the images. It is replaced by a rename under a lock; what it names is in the
store before it is named; so a kill at any point leaves the old store, or the new one, and blobs
that nothing names, which a collection removes. Who adds blobs holds the store against collections
until they are named.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from attrs import evolve

from runtime.errors import ImageError
from runtime.images.blobs import Blobs
from runtime.images.config import read_configuration
from runtime.images.document import MAX_DOCUMENT, encode, parse, take_list
from runtime.images.image import Damaged, Image, Survey
from runtime.images.layers import Layers
from runtime.images.manifest import (
    OCI_INDEX,
    Descriptor,
    Index,
    Manifest,
    Platform,
    choose,
    platform_of_machine,
    read_manifest,
)
from runtime.images.naming import (
    by_reference,
    id_prefix,
    names_in,
    nearest_to,
    with_names,
    without,
)
from runtime.images.reference import parse_reference
from runtime.images.tarstream import UnpackLimits
from runtime.locking import locked
from runtime.replacing import replace_file

LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'


def own_platform() -> Platform:
    """That of this machine."""
    return platform_of_machine(os.uname().machine)


class ImageStore:
    """The store below one state directory; made when it is first written to."""

    def __init__(self, state: str, *, limits: UnpackLimits | None = None) -> None:
        self.root = f"{state}/images"
        self.blobs = Blobs(self.root, f"{self.root}/incoming")
        self.layers = Layers(f"{state}/layers", self.blobs, limits or UnpackLimits())

    def resolve(self, name: str) -> Image:
        """The image that a reference, a digest or the beginning of an id names, layers unpacked.

        Raises ImageError.
        """
        return self.unpacked(self.find(name))

    def unpacked(self, image: Image) -> Image:
        """The same image with its layers unpacked. Raises ImageError."""
        try:
            with self.adding():
                diff_ids = image.configuration.diff_ids
                return evolve(image, layers=self.layers.ensure(image.manifest.layers, diff_ids))
        except OSError as error:
            cause = (error.strerror or str(error)).lower()
            raise ImageError(f"unpack image {image.target.digest}: {cause}") from error

    def has(self, name: str) -> bool:
        """Whether a name or the beginning of an id means anything here. Raises ImageError."""
        entries = self.entries()
        return bool(by_reference(entries, name) or self._by_id(entries, name))

    def find(self, name: str) -> Image:
        """As `resolve`, but the layers are left as they are. Raises ImageError."""
        entries = self.entries()
        found = by_reference(entries, name) or self._by_id(entries, name)
        if not found:
            raise ImageError(f"image {name}: not in the store{nearest_to(name, entries)}")
        digests = {entry.digest for entry in found}
        if len(digests) > 1:
            raise ImageError(f"image {name}: the ids of {len(digests)} images begin so")
        try:
            return self.load(found[0], entries)
        except ImageError as error:
            raise ImageError(f"image {name}: {error}") from error

    def _by_id(self, entries: Sequence[Descriptor], text: str) -> list[Descriptor]:
        prefix = id_prefix(text)
        if prefix is None:
            return []
        return [entry for entry in entries if self._begins_so(entry, prefix)]

    def _begins_so(self, entry: Descriptor, prefix: str) -> bool:
        if entry.digest.startswith(prefix):
            return True
        try:
            return self.load(entry).id.startswith(prefix)
        except ImageError:
            return False  # an image that is damaged has no id

    def entries(self) -> list[Descriptor]:
        """All that `index.json` names. Raises ImageError."""
        path = f"{self.root}/index.json"
        try:
            with open(path, "rb") as file:
                data = file.read(MAX_DOCUMENT + 1)
        except FileNotFoundError:
            return []
        try:
            document = parse(data, "it")
            return [Descriptor.read(entry) for entry in take_list(document, "manifests", dict)]
        except ImageError as error:
            raise ImageError(f"{path}: {error}") from error

    def survey(self) -> Survey:
        """Every image once, with all its names. Raises ImageError if the index cannot be read."""
        entries = self.entries()
        firsts = {entry.digest: entry for entry in reversed(entries)}
        found = Survey()
        for entry in reversed(firsts.values()):
            try:
                found.images.append(self.load(entry, entries))
            except ImageError as error:
                names = names_in(entries, entry.digest)
                found.damaged.append(Damaged(target=entry, names=names, problem=str(error)))
        return found

    def load(self, entry: Descriptor, entries: Sequence[Descriptor] = ()) -> Image:
        """The documents of an image, verified, and its names in `entries`. Raises ImageError."""
        manifest = self.manifest(entry)
        data = self.blobs.read(manifest.config)
        configuration = read_configuration(data, manifest.config.digest)
        if len(configuration.diff_ids) != len(manifest.layers):
            raise ImageError(
                f"image {entry.digest} has {len(manifest.layers)} layers,"
                f" and its configuration {len(configuration.diff_ids)}"
            )
        return Image(
            names=names_in(entries, entry.digest),
            target=entry,
            manifest=manifest,
            id=manifest.config.digest,
            configuration=configuration,
        )

    def manifest(self, entry: Descriptor) -> Manifest:
        """The manifest for this machine's platform. Raises ImageError."""
        document = read_manifest(self.blobs.read(entry), entry.media_type, entry.digest)
        if isinstance(document, Manifest):
            return document
        try:
            chosen = choose(document, own_platform())
        except ImageError as error:
            raise ImageError(f"image {entry.digest}: {error}") from error
        inner = read_manifest(self.blobs.read(chosen), chosen.media_type, chosen.digest)
        if isinstance(inner, Index):
            raise ImageError(f"image {entry.digest}: an index in an index")
        return inner

    @contextmanager
    def adding(self) -> Iterator[None]:
        """Hold the store against collections while blobs are added that nothing names yet."""
        self.prepare()
        with locked(f"{self.root}/use.lock", shared=True):
            yield

    def add(self, image: Descriptor, names: Sequence[str] = ()) -> tuple[str, ...]:
        """Let names mean this image, which is whole and in the store; returns them in full.

        What a name meant before stays under its digest. Raises ImageError, and then nothing is
        named.
        """
        full = tuple(dict.fromkeys(str(parse_reference(name)) for name in names))
        for layer in self.load(image).manifest.layers:
            self.blobs.require(layer)
        with self.changing() as entries:
            entries[:] = with_names(entries, image, full)
        return full

    def tag(self, image: Image, name: str) -> None:
        """Give an image of the store another name. Raises ImageError."""
        reference = parse_reference(name)
        if reference.digest is not None:
            raise ImageError(f"{name!r}: a digest is no name to give")
        with self.adding():
            self.add(image.target, [name])

    def forget(self, image: Image | Damaged, names: Sequence[str] | None = None) -> None:
        """Take these names from an image, or all of it from the index. Raises ImageError."""
        with self.changing() as entries:
            entries[:] = without(entries, image.target.digest, names)

    @contextmanager
    def changing(self) -> Iterator[list[Descriptor]]:
        """The entries of `index.json`, written back at the end as they are then."""
        self.prepare()
        with locked(f"{self.root}/index.lock"):
            entries = self.entries()
            before = list(entries)
            yield entries
            if entries != before:
                index = Index(media_type=OCI_INDEX, manifests=tuple(entries))
                replace_file(f"{self.root}/index.json", encode(index.document()))

    def prepare(self) -> None:
        """Make what is missing of the store. Raises OSError."""
        for path in (self.blobs.directory, self.blobs.incoming, self.layers.directory):
            os.makedirs(path, mode=0o700, exist_ok=True)
        if not os.path.exists(f"{self.root}/oci-layout"):
            replace_file(f"{self.root}/oci-layout", LAYOUT)

    def reachable(self, entries: Sequence[Descriptor]) -> Iterator[Descriptor]:
        """Every blob that these entries need and that is there, themselves included.

        An index may name manifests of other platforms that were never fetched. Raises ImageError.
        """
        for entry in entries:
            if self.blobs.size(entry.digest) is None:
                continue
            yield entry
            document = read_manifest(self.blobs.read(entry), entry.media_type, entry.digest)
            if isinstance(document, Index):
                yield from self.reachable(document.manifests)
            else:
                yield document.config
                yield from document.layers
