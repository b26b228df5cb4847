"""Row 12: capabilities are exact."""

from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from runtime.errors import SpecError, StartError
from runtime.execspec import load_inherited
from runtime.security.capabilities import (
    ALL_CAPABILITIES,
    DEFAULT_CAPABILITIES,
    effective_set,
    parse_capability,
    to_mask,
)
from tests.integration.container.stage import Stage, read_all

pytestmark = pytest.mark.root

SETS = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
SOME = frozenset({parse_capability("CHOWN"), parse_capability("KILL")})
LAST = int(Path("/proc/sys/kernel/cap_last_cap").read_text())


async def sets_of(stage: Stage, *command: str, **changes: Any) -> dict[str, int]:
    """All five sets of a command."""
    ended = await stage.run(*(command or ("cat", "/proc/self/status")), **changes)
    status = {line.partition(":")[0]: line.partition(":")[2] for line in ended.lines}
    return {name: int(status[name], 16) for name in SETS}


def expected(bounding: int, held: int) -> dict[str, int]:
    """Nothing is ever inheritable or ambient."""
    return {"CapInh": 0, "CapPrm": held, "CapEff": held, "CapBnd": bounding, "CapAmb": 0}


@pytest.mark.parametrize("init", [True, False])
@pytest.mark.parametrize("user", ["0", "1000"])
@pytest.mark.parametrize(
    "capabilities",
    [
        frozenset(),
        frozenset({parse_capability("NET_BIND_SERVICE")}),
        DEFAULT_CAPABILITIES,
        ALL_CAPABILITIES & frozenset(range(LAST + 1)) - {parse_capability("SYS_RESOURCE")},
    ],
    ids=["none", "one", "default", "many"],
)
async def test_all_five_sets_are_as_listed(
    stage: Stage, capabilities: frozenset[int], user: str, init: bool
) -> None:
    """Root holds what it may, anybody else nothing; neither can get more."""
    mask = to_mask(capabilities)
    found = await sets_of(stage, capabilities=capabilities, user=user, init=init)
    assert found == expected(mask, mask if user == "0" else 0)


async def test_the_supervisors_own_sets_do_not_matter(stage: Stage) -> None:
    """What the supervisor could pass on is not passed on."""
    mask = to_mask(DEFAULT_CAPABILITIES)
    assert await sets_of(stage) == expected(mask, mask)
    assert (await sets_of(stage, capabilities=effective_set((), ("ALL",)))) == expected(0, 0)


async def test_what_cannot_be_given_is_left_out_of_all_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks for all of them gets those that there are; who asks for one by name is refused."""
    monkeypatch.setattr("runtime.container.prepare.bounding_set", lambda: SOME)
    mask = to_mask(SOME)
    found = await sets_of(stage, capabilities=ALL_CAPABILITIES, all_capabilities=True)
    assert found == expected(mask, mask)
    named = SOME | {parse_capability("NET_ADMIN"), parse_capability("BPF")}
    with pytest.raises(SpecError, match="cap_add: CAP_NET_ADMIN, CAP_BPF: not in the bounding"):
        await stage.run("true", capabilities=named)


@pytest.mark.parametrize("init", [True, False])
@pytest.mark.parametrize("user", ["0", "1000"])
async def test_what_joins_has_the_same(stage: Stage, user: str, init: bool) -> None:
    """For exec as for the start, whoever executes it."""
    async with stage.started("sleep", "1000", capabilities=SOME, init=init) as container:
        inherited = Path(container.directory.inherited).read_text()
        spec = load_inherited(inherited, ("cat", "/proc/self/status"))
        execution = await container.execute(evolve(spec, user=user), stage.runtime.program)
        text = (await read_all(execution.stdout)).decode()
        await execution.wait()
        execution.close()
    status = dict(line.split(":", 1) for line in text.splitlines())
    mask = to_mask(SOME)
    found = {name: int(status[name], 16) for name in SETS}
    assert found == expected(mask, mask if user == "0" else 0)
    assert (status["NoNewPrivs"].strip(), status["Seccomp"].strip()) == ("1", "2")


async def test_pid_1_keeps_one(stage: Stage) -> None:
    """It has to signal a command of any user, and can do nothing else."""
    async with stage.started("sleep", "1000", user="1000") as container:
        assert container.process is not None
        text = Path(f"/proc/{container.process.pid}/status").read_text()
        status = dict(line.split(":", 1) for line in text.splitlines())
        kill = 1 << parse_capability("KILL")
        found = {name: int(status[name], 16) for name in SETS if name != "CapBnd"}
        assert found == {"CapInh": 0, "CapPrm": kill, "CapEff": kill, "CapAmb": 0}
        assert status["NoNewPrivs"].strip() == "1"


def give(path: Path, permitted: int) -> None:
    """Let a file bring these capabilities to whoever executes it."""
    # VFS_CAP_REVISION_2 with the effective bit: permitted and inheritable, low and high halves.
    value = struct.pack("<IIIII", 0x0200_0001, permitted & 0xFFFF_FFFF, 0, permitted >> 32, 0)
    os.setxattr(path, "security.capability", value)


@pytest.fixture
def gifts(image: Path, base: Path) -> None:
    """Give programs that bring some capabilities, all of them, and the identity of root."""
    for name in ("some", "all", "setuid"):
        shutil.copy(base / "bin/probe", image / "bin" / name)
    give(image / "bin/some", to_mask(SOME))
    give(image / "bin/all", (1 << LAST + 1) - 1)
    (image / "bin/setuid").chmod(0o4755)


@pytest.mark.parametrize("program", ["some", "setuid"])
async def test_a_file_gives_nothing_by_default(stage: Stage, gifts: None, program: str) -> None:
    """No_new_privs: neither capabilities of a file nor its owner's identity."""
    found = await sets_of(stage, program, "status", user="1000")
    assert found == expected(to_mask(DEFAULT_CAPABILITIES), 0)


async def test_a_file_never_gives_more_than_the_bounding_set(stage: Stage, gifts: None) -> None:
    """Where new privileges were asked for, they end there."""
    mask = to_mask(DEFAULT_CAPABILITIES)
    found = await sets_of(stage, "setuid", "status", user="1000", no_new_privileges=False)
    assert found == expected(mask, mask)
    found = await sets_of(stage, "some", "status", user="1000", no_new_privileges=False)
    assert found == expected(mask, to_mask(SOME))
    # A file that insists on more than there is to give is not executed at all.
    with pytest.raises(StartError, match="operation not permitted"):
        await stage.run("all", "status", user="1000", no_new_privileges=False)


@pytest.mark.parametrize("name", ["", "CAP_", "SYS_ADMINS", "CAP_CAP_KILL", "21", "kill "])
def test_an_unknown_name_is_refused(name: str) -> None:
    """It is not left out, which would give less or more than was asked for."""
    with pytest.raises(ValueError, match="is not a capability"):
        parse_capability(name)
