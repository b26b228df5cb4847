"""Another engine runs what was pushed."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from runtime.directories import Directories
from runtime.images.importing import import_archive
from runtime.images.store import ImageStore
from runtime.registry.access import Access
from tests.integration.images.test_peers import tool
from tests.integration.registry.peer import Peer
from tests.integration.registry.test_pushing import send

pytestmark = pytest.mark.root

_PARENT = "podman-of-a-test"


async def test_podman_runs_what_was_pushed(
    peer: Peer, store: ImageStore, state: Directories, busybox: Path, access: Access
) -> None:
    """The command finds its files, and the variables that the image gives it."""
    root = subprocess.run(["tar", "-C", busybox, "-c", "."], capture_output=True, check=True)
    created = "2024-01-02T03:04:05Z"
    changes = ["ENV A=of-the-image", 'ENTRYPOINT ["sh", "-c"]', 'CMD ["echo $A; ls /bin/sh"]']
    import_archive(store, iter([root.stdout]), names=["box"], created=created, changes=changes)
    name = f"{peer.host}/out/box:x"
    await send(store, access, name, "box")
    podman = ("podman", "--root", f"{state.state}-podman", "--runroot", f"{state.root}-podman",
              "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs")  # fmt: skip
    tool(*podman, "pull", "-q", "--tls-verify=false", name)
    # Its usual limits are higher than root itself may go on some machines.
    limits = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
    try:
        runtime, cgroups = _runtime()
        alone = ("--network", "none", *cgroups, *limits)
        assert tool(*podman, *runtime, "run", "--rm", *alone, name) == "of-the-image\n/bin/sh\n"
    finally:
        for left in Path("/sys/fs/cgroup").glob(f"*/{_PARENT}"):
            left.rmdir()


def _runtime() -> tuple[Sequence[str], Sequence[str]]:
    """How podman runs containers here: crun takes no machine where v1 and v2 both have controllers.

    It could do without control groups, which runc cannot.
    """
    unified = Path("/sys/fs/cgroup/unified/cgroup.controllers")
    if unified.exists() and unified.read_text().split():
        return ("--runtime", "runc"), ("--cgroups", "no-conmon", "--cgroup-parent", f"/{_PARENT}")
    return ("--runtime", "crun"), ("--cgroups", "disabled")
