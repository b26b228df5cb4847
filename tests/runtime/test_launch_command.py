"""Which program a command is, and what is said where it cannot be executed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.launch import InitProgram
from runtime.plan import Step
from tests.runtime.bare_init import command, refusal, run


@pytest.fixture(scope="module")
def program() -> Iterator[InitProgram]:
    """Load `init` once."""
    loaded = InitProgram.load()
    yield loaded
    loaded.close()


@pytest.mark.parametrize("name", ["none-such", "./none-such", "/none/such"])
async def test_a_command_that_is_not_there(program: InitProgram, name: str) -> None:
    """The code is that of the shell, 127."""
    assert await refusal(program, command(name)) == (f"command not found: {name}", 127)


async def test_a_command_that_cannot_be_executed(program: InitProgram, tmp_path: Path) -> None:
    """A directory, a file without the right, a file that is no program: 126, and why."""
    plain = tmp_path / "plain"
    plain.write_text("x")
    empty = tmp_path / "empty"
    empty.write_text("")
    empty.chmod(0o755)
    for path, why in (
        (tmp_path, "permission denied"),
        (plain, "permission denied"),
        (plain / "below", "not a directory"),
        (empty, "exec format error"),
        ("/" + "x" * 300, "file name too long"),
    ):
        text, code = await refusal(program, command(str(path)))
        assert code == 126
        assert text.startswith(f"cannot execute {path}"[:200])  # a longer name is cut
        assert text.endswith(f": {why}")


async def test_a_missing_interpreter_is_told(program: InitProgram, tmp_path: Path) -> None:
    """The file is there, so "not found" would send people looking for the wrong one."""
    script = tmp_path / "script"
    script.write_text("#!/none/such\n")
    script.chmod(0o755)
    message = "its interpreter is missing"
    assert await refusal(program, command(str(script))) == (
        f"cannot execute {script}: {message}",
        127,
    )
    found = command("script", environment=(f"PATH={tmp_path}:/usr/bin",))
    assert await refusal(program, found) == (f"cannot execute script: {message}", 127)
    dangling = tmp_path / "dangling"
    dangling.symlink_to("/none/such")
    assert await refusal(program, command(str(dangling))) == (f"command not found: {dangling}", 127)


async def test_a_command_is_searched_for_in_its_own_path(
    program: InitProgram, tmp_path: Path
) -> None:
    """In the order of PATH, past what cannot be executed; that is told only if nothing else is."""
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        path = tmp_path / name / "tool"
        path.write_text(f"#!/bin/sh\necho {name}\n")
        path.chmod(0o644 if name == "a" else 0o755)

    def tool(*names: str) -> Step:
        path = ":".join(f"{tmp_path}/{name}" for name in names)
        return command("tool", environment=(f"PATH={path}",))

    assert (await run(program, [tool("none", "a", "b", "c")])).output == b"b\n"
    assert (await run(program, [tool("a/tool", "c", "b")])).output == b"c\n"
    denied = ("cannot execute tool: permission denied", 126)
    assert await refusal(program, tool("none", "a")) == denied
    assert await refusal(program, tool("none")) == ("command not found: tool", 127)
    here = [Step("chdir", (f"{tmp_path}/b",)), command("tool", environment=("PATH=",))]
    assert (await run(program, here)).output == b"b\n"
    assert (await run(program, [command("echo", "found", environment=())])).output == b"found\n"


async def test_a_text_without_an_interpreter_is_not_given_to_a_shell(
    program: InitProgram, tmp_path: Path
) -> None:
    """Unlike execvp(3): what is executed is what was asked for."""
    tool = tmp_path / "tool"
    tool.write_text("echo found\n")
    tool.chmod(0o755)
    found = command("tool", environment=(f"PATH={tmp_path}",))
    assert await refusal(program, found) == ("cannot execute tool: exec format error", 126)
