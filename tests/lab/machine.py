"""One start of a guest: what it prints is read while it runs, what it leaves behind is read last.

There is no KVM where this has to work, so the processor is emulated. The guest's disks are private
to this start, all else is shared with it read-only, and the machine goes with whoever started it.
"""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from attrs import frozen

STATUS = "status"
"""The file with pytest's exit code, which a guest leaves in any case."""
RESULT_BYTES = 16 << 20
SCRATCH_BYTES = 8 << 30
# The guest trusts its tests: defences against them only make emulation slower.
COMMAND_LINE = (
    "console=ttyS0 loglevel=4 panic=-1 mitigations=off nokaslr norandmaps init_on_alloc=0 no5lvl"
)
PROCESSOR = "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16"
"""Not all that can be emulated: wide vectors, string instructions, SMAP take a tenth more time."""
MEMORY = "2560M"


class GuestError(Exception):
    """A guest ended before its tests did."""


@frozen(kw_only=True)
class Guest:
    """A machine to start, and how long it may be on.

    `shares` are directories of the host by the tag the guest knows. Its first disk takes the
    results, its second is an empty ext4, its third is `disk`.
    """

    name: str
    kernel: Path
    initrd: bytes
    shares: Mapping[str, Path]
    disk: Path | None
    seconds: float


class Machine:
    """A guest that is on; what its kernel and its services say goes to the file `console`."""

    def __init__(self, guest: Guest, console: Path) -> None:
        self.guest = guest
        self.started = time.monotonic()
        self._console = console
        self._late = False
        with ExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pk-lab-")))
            (directory / "initrd").write_bytes(guest.initrd)
            self._results = _empty(directory / "results", RESULT_BYTES)
            scratch = _empty(directory / "scratch", SCRATCH_BYTES)
            subprocess.run(("mkfs.ext4", "-q", "-O", "^has_journal", scratch), check=True)
            command = _command(guest, directory / "initrd", self._results, scratch, console)
            self._qemu = stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            )
            stack.callback(self._qemu.kill)
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Switch it off if it is on, and forget its disks."""
        self._stack.close()

    @property
    def output(self) -> IO[bytes]:
        """What the tests print; its end is that of the machine."""
        assert self._qemu.stdout is not None
        return self._qemu.stdout

    @property
    def seconds_left(self) -> float:
        """How long it may still take; it is no more than late, until `stop_late` is called."""
        return self.started + self.guest.seconds - time.monotonic()

    def stop_late(self) -> None:
        """Switch it off if it takes too long."""
        if self.seconds_left <= 0:
            self._late = True
            self._qemu.kill()

    def results(self) -> Mapping[str, bytes]:
        """Wait until it is off and return the files that it left. Raises GuestError."""
        code = self._qemu.wait()
        if self._late:
            raise GuestError(f"not done after {self.guest.seconds:.0f} s: {self._console}")
        if code != 0:
            raise GuestError(f"qemu ended with exit code {code}")
        return _unpack(self._results.read_bytes(), self._console)


def _empty(path: Path, size: int) -> Path:
    path.touch()
    os.truncate(path, size)
    return path


def _command(guest: Guest, initrd: Path, results: Path, scratch: Path, console: Path) -> list[str]:
    command = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-nodefaults"]
    command += ["-machine", "q35", "-accel", "tcg,thread=multi,tb-size=1024", "-cpu", PROCESSOR]
    command += ["-m", MEMORY, "-display", "none"]
    command += ["-kernel", str(guest.kernel), "-initrd", str(initrd), "-append", COMMAND_LINE]
    command += ["-serial", f"file:{_escaped(console)}"]
    command += ["-chardev", "stdio,id=output,signal=on", "-serial", "chardev:output"]
    command += ["-device", "virtio-rng-pci"]
    command += ["-drive", f"file={_escaped(results)},if=virtio,format=raw"]
    command += ["-drive", f"file={_escaped(scratch)},if=virtio,format=raw,cache=unsafe"]
    if guest.disk is not None:
        command += ["-drive", f"file={_escaped(guest.disk)},if=virtio,format=raw,snapshot=on"]
    for tag, path in guest.shares.items():
        options = f"id={tag},path={_escaped(path)},security_model=none,readonly=on,multidevs=remap"
        command += ["-fsdev", f"local,{options}"]
        command += ["-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
    return command


def _escaped(path: Path) -> str:
    """Write a path so that a comma in it does not end qemu's option."""
    return str(path).replace(",", ",,")


def _unpack(archive: bytes, console: Path) -> Mapping[str, bytes]:
    files = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
        for member in tar:
            content = tar.extractfile(member)
            if content is not None:
                files[Path(member.name).name] = content.read()
    if STATUS not in files:
        last = console.read_text(errors="replace").splitlines()[-20:]
        raise GuestError("the guest ended before its tests; its console:\n" + "\n".join(last))
    return files
