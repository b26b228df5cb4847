"""Row 22: environments are clean."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runtime.spec import HostRootfs
from tests.integration.container.stage import Stage, end_of

pytestmark = pytest.mark.root

CANARY = "POCKER_CANARY_SECRET"


@pytest.fixture(autouse=True)
def canary_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the supervisor a secret, in its variables and as C programs see them."""
    monkeypatch.setenv(CANARY, "secret")
    monkeypatch.setenv("LD_PRELOAD", "/none/such.so")
    monkeypatch.setenv("NOTIFY_SOCKET", "/none/such")


@pytest.mark.parametrize("init", [True, False])
@pytest.mark.parametrize("rootfs", ["image", "host"])
async def test_the_supervisors_variables_are_absent(stage: Stage, init: bool, rootfs: str) -> None:
    """In the command and in all that it can see."""
    script = "env; cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'; cat /proc/[0-9]*/cmdline"
    if rootfs == "host":
        ended = await stage.run(script, init=init, rootfs=HostRootfs())
    else:
        ended = await stage.run(script, init=init)
    assert ended.exit.code == 0
    for name in (CANARY, "secret", "LD_PRELOAD", "NOTIFY_SOCKET"):
        assert name.encode() not in ended.stdout


async def test_nothing_is_there_that_nobody_asked_for(stage: Stage) -> None:
    """Two variables have defaults."""
    ended = await stage.run("cat", "/proc/self/environ")
    assert {item.partition("=")[0] for item in ended.text.split("\0") if item} == {"PATH", "HOME"}


async def test_pid_1_has_no_variables(stage: Stage) -> None:
    """Seen from the host, where nothing hides them; its arguments are its name."""
    async with stage.started("sleep", "1000", environment={"A": "b"}) as container:
        assert container.process is not None
        place = Path(f"/proc/{container.process.pid}")
        assert (place / "environ").read_bytes() == b""
        assert (place / "cmdline").read_bytes() == b"init\0"
        for pid in container.cgroup.members():
            assert CANARY.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
        container.kill()
        await end_of(container)
    assert os.environ[CANARY] == "secret"
