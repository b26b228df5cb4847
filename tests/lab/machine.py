"""One start of a guest: what it prints comes out here at once, what it leaves behind is read last.

There is no KVM where this has to work, so the processor is emulated. The guest's disks are private
to this start, all else is shared with it read-only, and the machine goes with whoever started it.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

STATUS = "status"
"""The file with pytest's exit code, which a guest leaves in any case."""
RESULT_BYTES = 16 << 20
# The guest trusts its tests: defences against them only make emulation slower.
COMMAND_LINE = "console=ttyS0 loglevel=4 panic=-1 mitigations=off nokaslr no5lvl"
MEMORY = "2560M"
CPUS = 2


class GuestError(Exception):
    """A guest ended before its tests did."""


@frozen(kw_only=True)
class Guest:
    """A machine to start; `shares` are directories of the host by the tag the guest knows."""

    kernel: Path
    initrd: bytes
    shares: Mapping[str, Path]
    disk: Path | None


def boot(guest: Guest, console: Path, timeout: float) -> Mapping[str, bytes]:
    """Start a guest, wait until it is off, and return the files that it left as its results.

    What its kernel and its services say goes to the file `console`.
    """
    with tempfile.TemporaryDirectory(prefix="pk-lab-") as name:
        directory = Path(name)
        (directory / "initrd").write_bytes(guest.initrd)
        results = directory / "results"
        with results.open("wb") as file:
            file.truncate(RESULT_BYTES)
        command = _command(guest, directory / "initrd", results, console)
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=timeout, check=False)
        except subprocess.TimeoutExpired as error:
            raise GuestError(f"the guest was not done after {timeout:.0f} s: {console}") from error
        if done.returncode != 0:
            raise GuestError(f"qemu ended with exit code {done.returncode}")
        return _unpack(results.read_bytes(), console)


def _command(guest: Guest, initrd: Path, results: Path, console: Path) -> list[str]:
    command = ["setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-nodefaults", "-no-reboot"]
    command += ["-machine", "q35", "-accel", "tcg,thread=multi,tb-size=1024", "-cpu", "max"]
    command += ["-smp", str(CPUS), "-m", MEMORY, "-display", "none"]
    command += ["-kernel", str(guest.kernel), "-initrd", str(initrd), "-append", COMMAND_LINE]
    command += ["-serial", f"file:{_escaped(console)}"]
    command += ["-chardev", "stdio,id=output,signal=on", "-serial", "chardev:output"]
    command += ["-device", "virtio-rng-pci"]
    command += ["-drive", f"file={_escaped(results)},if=virtio,format=raw"]
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
