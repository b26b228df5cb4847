"""Debian's docker-registry on loopback, and images that skopeo puts into it."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import threading
import zlib
from collections.abc import Sequence
from pathlib import Path

from attrs import define

from tests.runtime.images.archives import Member, archive, digest_of

PASSWORD = "a:b"
LARGE = 24 << 20
_OCI = "application/vnd.oci.image"
Document = dict[str, object]


@define
class Peer:
    """A registry that can be killed and started again on the same port."""

    top: Path
    port: int
    options: Sequence[str]
    """What skopeo has to be told to get in, each without the `--src` or `--dest` in front."""
    process: subprocess.Popen[str] | None = None
    reader: threading.Thread | None = None

    @property
    def host(self) -> str:
        """Its address and port."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it says that it listens."""
        self.process = subprocess.Popen(
            ["docker-registry", "serve", str(self.top / "config.yml")],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={"PATH": os.environ["PATH"], "OTEL_TRACES_EXPORTER": "none"},
        )
        log = self.process.stderr
        assert log is not None
        assert any("listening on" in line for line in log)
        # It would wait for whoever reads its log.
        self.reader = threading.Thread(target=log.read)
        self.reader.start()

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None and self.reader is not None:
            assert self.process.stderr is not None
            self.process.kill()
            self.process.wait()
            self.reader.join()
            self.process.stderr.close()
            self.process = None

    def put(self, layout: str, name: str, *options: str) -> None:
        """Copy an image of a layout into it."""
        own = [f"--dest-{option}" for option in self.options]
        skopeo("copy", "-q", *own, *options, f"oci:{layout}", f"docker://{self.host}/{name}")

    def digest(self, name: str) -> str:
        """What skopeo says is the digest of an image."""
        own = [f"--{option}" for option in self.options]
        return digest_of(skopeo("inspect", "--raw", *own, f"docker://{self.host}/{name}"))


def skopeo(*arguments: str) -> bytes:
    """What skopeo prints."""
    return subprocess.run(["skopeo", *arguments], check=True, capture_output=True).stdout


def free_port() -> int:
    """A port of loopback that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def configure(top: Path, port: int, *, guarded: bool) -> None:
    """Write what the registry reads; a guarded one has TLS, and lets only the user `me` in."""
    http: Document = {"addr": f"127.0.0.1:{port}"}
    config: Document = {
        "version": "0.1",
        "log": {"accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(top / "data")}},
        "http": http,
    }
    if guarded:
        made = subprocess.run(
            ["htpasswd", "-Bbn", "-C", "4", "me", PASSWORD], check=True, capture_output=True
        ).stdout
        (top / "htpasswd").write_bytes(made)
        config["auth"] = {"htpasswd": {"realm": "here", "path": str(top / "htpasswd")}}
        (top / "certs").mkdir()
        key, certificate = str(top / "key.pem"), str(top / "certs/ca.crt")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=registry",
             "-addext", "subjectAltName=IP:127.0.0.1"],
            check=True, capture_output=True,
        )  # fmt: skip
        http["tls"] = {"certificate": certificate, "key": key}
    (top / "config.yml").write_text(json.dumps(config))


class Layout:
    """An OCI image layout that images are added to."""

    def __init__(self, top: Path) -> None:
        self.top = top
        (top / "blobs/sha256").mkdir(parents=True)
        (top / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
        self.named: list[Document] = []

    def blob(self, kind: str, data: bytes) -> Document:
        """Add a blob; returns what names it."""
        digest = hashlib.sha256(data).hexdigest()
        (self.top / "blobs/sha256" / digest).write_bytes(data)
        return {"mediaType": f"{_OCI}.{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    def document(self, kind: str, value: Document) -> Document:
        """Add a document; returns what names it."""
        return self.blob(kind, json.dumps(value).encode())

    def image(self, *layers: bytes, architecture: str = "amd64") -> Document:
        """Add an image of these archives; returns what names its manifest."""
        rootfs = {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]}
        config = self.document(
            "config.v1+json", {"architecture": architecture, "os": "linux", "rootfs": rootfs}
        )
        manifest: Document = {
            "schemaVersion": 2,
            "mediaType": f"{_OCI}.manifest.v1+json",
            "config": config,
            "layers": [self.blob("layer.v1.tar+gzip", _stored(layer)) for layer in layers],
        }
        return self.document("manifest.v1+json", manifest)

    def name(self, image: Document, name: str) -> None:
        """Name an image, so that skopeo finds it."""
        named = {**image, "annotations": {"org.opencontainers.image.ref.name": name}}
        self.named.append(named)
        index = {"schemaVersion": 2, "manifests": self.named}
        (self.top / "index.json").write_text(json.dumps(index))


def _stored(data: bytes) -> bytes:
    """In gzip's format, as it is: what is random does not get smaller."""
    machine = zlib.compressobj(0, zlib.DEFLATED, 31)
    return machine.compress(data) + machine.flush()


def make_layout(top: Path) -> str:
    """Images: `one` of one layer, `small` of two, `large` ones, and `many` for two platforms."""
    layout = Layout(top)
    below = archive(Member(name="hello", content=b"below"), Member(name="gone"))
    above = archive(Member(name="hello", content=b"above"), Member(name=".wh.gone"))
    small = layout.image(below, above)
    layout.name(small, "small")
    layout.name(layout.image(above), "one")
    random = archive(Member(name="random", content=os.urandom(LARGE)))
    layout.name(layout.image(below, random), "large")
    arm = layout.image(archive(Member(name="arm")), architecture="arm64")
    entries = [
        {**entry, "platform": {"os": "linux", "architecture": architecture}}
        for architecture, entry in (("arm64", arm), ("amd64", small))
    ]
    index: Document = {
        "schemaVersion": 2,
        "mediaType": f"{_OCI}.index.v1+json",
        "manifests": entries,
    }
    layout.name(layout.document("index.v1+json", index), "many")
    return str(top)
