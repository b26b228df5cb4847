"""Two registries that the tests of a module share: starting one takes a while.

No longer than that, because other tests make sure that they have no child left.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from runtime.directories import Directories
from runtime.images.loading import load_archive
from runtime.images.store import ImageStore
from runtime.registry.access import Access
from runtime.registry.settings import Registries, RegistrySettings
from tests.integration.registry.peer import (
    PASSWORD,
    Peer,
    configure,
    free_port,
    make_layout,
    skopeo,
)


@pytest.fixture(scope="session")
def layout(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give a directory with the images that the registries have."""
    return make_layout(tmp_path_factory.mktemp("images") / "layout")


def _running(top: Path, *options: str, guarded: bool) -> Iterator[Peer]:
    for program in ("docker-registry", "htpasswd", "openssl", "skopeo"):
        if shutil.which(program) is None:
            pytest.skip(f"needs Debian's {program}")
    peer = Peer(top, free_port(), options)
    configure(top, peer.port, guarded=guarded)
    peer.start()
    try:
        yield peer
    finally:
        peer.kill()


@pytest.fixture(scope="module")
def peer(layout: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """Give a registry that lets everybody in, with the images `team/app`."""
    for found in _running(tmp_path_factory.mktemp("open"), "tls-verify=false", guarded=False):
        found.put(f"{layout}:small", "team/app:small")
        found.put(f"{layout}:small", "team/app:docker", "--format=v2s2")
        found.put(f"{layout}:one", "team/app:one")
        found.put(f"{layout}:large", "team/app:large")
        found.put(f"{layout}:many", "team/app:many", "--all")
        yield found


@pytest.fixture(scope="module")
def guarded(layout: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    """Give a registry with a certificate of its own, that asks for a password."""
    top = tmp_path_factory.mktemp("guarded")
    options = (f"creds=me:{PASSWORD}", f"cert-dir={top}/certs")
    for found in _running(top, *options, guarded=True):
        found.put(f"{layout}:small", "team/app:small")
        yield found


@pytest.fixture
def store(state: Directories) -> ImageStore:
    """Give an empty store."""
    state.prepare()
    return ImageStore(state.state)


@pytest.fixture
def access(tmp_path: Path) -> Access:
    """Give the rights of somebody who is logged in nowhere."""
    return Access(
        registries=Registries(), environ={"REGISTRY_AUTH_FILE": f"{tmp_path}/auth.json"}, uid=0
    )


@pytest.fixture
def trusting(access: Access, guarded: Peer) -> Access:
    """Give the rights of somebody who trusts the guarded registry's certificate."""
    settings = RegistrySettings(ca_file=f"{guarded.top}/certs/ca.crt")
    return evolve(access, registries=Registries(tables={guarded.host: settings}))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[str]:
    """Give a directory in memory, which is quick and soon full."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", place], check=True)
    yield str(place)
    subprocess.run(["umount", place], check=True)


@pytest.fixture
def shared(layout: str, store: ImageStore, tmp_path: Path) -> ImageStore:
    """Give a store with an image for two platforms, called `many`."""
    archive = f"{tmp_path}/many.tar"
    skopeo("copy", "-q", "--all", f"oci:{layout}:many", f"oci-archive:{archive}")
    (image,) = load_archive(store, [Path(archive).read_bytes()])
    store.tag(image, "many")
    return store
