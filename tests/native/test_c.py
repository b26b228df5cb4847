"""The C parts, built with address and undefined-behaviour sanitizers and run as programs.

Each ``test_*.c`` here is a program that exits 0 if all holds; each ``fuzz_*.c`` is a libFuzzer
target. The first line of either names what it is linked with: ``// sources: native/plan.c``; those
behind it may go on with that.
"""

from __future__ import annotations

import subprocess
from itertools import takewhile
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TOP = HERE.parent.parent
SANITIZERS = "address,undefined"
FLAGS = (
    "-g", "-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-Inative",
    "-fno-sanitize-recover=all", "-fno-omit-frame-pointer",
)  # fmt: skip
FUZZ_RUNS = 20_000
"""Takes seconds, and with a fixed seed always the same inputs; `just fuzz` runs longer."""


def _build(program: Path, directory: Path, *compiler: str) -> Path:
    first, *rest = program.read_text().splitlines()
    more = takewhile(lambda line: line.startswith("// native/"), rest)
    marker, _, sources = first.partition(":")
    sources = " ".join([sources, *(line.removeprefix("//") for line in more)])
    assert marker == "// sources", f"{program}: the first line must be '// sources: native/...'"
    binary = directory / program.stem
    _run(*compiler, *FLAGS, program, *sources.split(), "-o", binary)
    return binary


def _run(*command: str | Path, show: bool = False) -> None:
    """Run a program from the project's top directory; its output is shown at once or on failure."""
    output = None if show else subprocess.PIPE
    done = subprocess.run(
        command, cwd=TOP, stdout=output, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, f"{command[0]}: status {done.returncode}\n{done.stdout or ''}"


@pytest.fixture(scope="session")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """Give the command of the compiler that brings libFuzzer, if it can really link it."""
    place = tmp_path_factory.mktemp("fuzzer")
    target = place / "empty.c"
    target.write_text("int LLVMFuzzerTestOneInput(const char *p, long n) { return p && n > 9; }\n")
    compiler = ("clang", "-O1", f"-fsanitize=fuzzer,{SANITIZERS}")
    try:
        subprocess.run([*compiler, target, "-o", place / "empty"], check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("needs clang with libFuzzer (Debian: clang and libclang-rt-dev)")
    return compiler


@pytest.mark.parametrize("program", sorted(HERE.glob("test_*.c")), ids=lambda path: path.stem)
def test_c(program: Path, tmp_path: Path) -> None:
    """A C test program finds nothing wrong, and neither do the sanitizers."""
    _run(_build(program, tmp_path, "gcc", f"-fsanitize={SANITIZERS}"))


@pytest.mark.parametrize("program", sorted(HERE.glob("fuzz_*.c")), ids=lambda path: path.stem)
def test_fuzz(
    program: Path, tmp_path: Path, fuzzer: tuple[str, ...], pytestconfig: pytest.Config
) -> None:
    """No input makes a decoder crash, read past its end or run into undefined behaviour."""
    binary = _build(program, tmp_path, *fuzzer)
    seconds = pytestconfig.getoption("fuzz_seconds")
    effort = [f"-max_total_time={seconds}"] if seconds else [f"-runs={FUZZ_RUNS}", "-seed=1"]
    # The value profile finds its way through comparisons, such as those with a magic number.
    options = ("-use_value_profile=1", f"-artifact_prefix={tmp_path}/")
    _run(binary, *options, *effort, show=bool(seconds))
