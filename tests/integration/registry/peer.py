"""Debian's docker-registry on loopback, and images that skopeo puts into it."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import socket
import subprocess
import tarfile
from pathlib import Path

from attrs import define

PASSWORD = "a:b"
_OCI = "application/vnd.oci.image"


@define
class Peer:
    """A registry that can be killed and started again on the same port."""

    top: Path
    port: int
    process: subprocess.Popen[str] | None = None

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
        assert self.process.stderr is not None
        assert any("listening on" in line for line in self.process.stderr)

    def kill(self) -> None:
        """End it at once."""
        if self.process is not None:
            assert self.process.stderr is not None
            self.process.kill()
            self.process.wait()
            self.process.stderr.close()
            self.process = None

    def skopeo(self, *arguments: str) -> bytes:
        """What skopeo prints."""
        return subprocess.run(["skopeo", *arguments], check=True, capture_output=True).stdout


def free_port() -> int:
    """A port of loopback that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def configure(top: Path, port: int, *, login: bool) -> None:
    """Write what the registry reads; with `login` only the user `me` may enter."""
    config: dict[str, object] = {
        "version": "0.1",
        "log": {"accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(top / "data")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    if login:
        made = subprocess.run(
            ["htpasswd", "-Bbn", "me", PASSWORD], check=True, capture_output=True
        ).stdout
        (top / "htpasswd").write_bytes(made)
        config["auth"] = {"htpasswd": {"realm": "here", "path": str(top / "htpasswd")}}
    (top / "config.yml").write_text(json.dumps(config))


def make_layout(top: Path, size: int) -> Path:
    """An OCI image layout with one layer that holds a file of `size` random bytes."""
    layout = top / "layout"
    (layout / "blobs/sha256").mkdir(parents=True)
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        entry = tarfile.TarInfo("random")
        entry.size = size
        archive.addfile(entry, io.BytesIO(os.urandom(size)))
    diff = f"sha256:{hashlib.sha256(tar.getvalue()).hexdigest()}"

    def put(kind: str, data: bytes) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (layout / "blobs/sha256" / digest).write_bytes(data)
        return {"mediaType": f"{_OCI}.{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    def document(value: object) -> bytes:
        return json.dumps(value).encode()

    layer = put("layer.v1.tar+gzip", gzip.compress(tar.getvalue(), 1))
    rootfs = {"type": "layers", "diff_ids": [diff]}
    config = put(
        "config.v1+json", document({"architecture": "amd64", "os": "linux", "rootfs": rootfs})
    )
    manifest = put(
        "manifest.v1+json",
        document(
            {
                "schemaVersion": 2,
                "mediaType": f"{_OCI}.manifest.v1+json",
                "config": config,
                "layers": [layer],
            }
        ),
    )
    named = {**manifest, "annotations": {"org.opencontainers.image.ref.name": "x"}}
    (layout / "index.json").write_bytes(document({"schemaVersion": 2, "manifests": [named]}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return layout
