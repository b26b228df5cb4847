"""What a container is: a value that holds, or an error that names the field and the reason."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import exceptions
from hypothesis import given
from hypothesis import strategies as st

from runtime.errors import SpecError
from runtime.spec import (
    ContainerSpec,
    Device,
    DirectoryRootfs,
    HostRootfs,
    OverlayRootfs,
    Tmpfs,
    Volume,
)

NAMES = st.text(st.characters(codec="utf-8"), max_size=300)


def spec(**changes: Any) -> ContainerSpec:
    """A valid specification but for `changes`."""
    known: dict[str, Any] = {"id": "job-1", "command": ("true",), "rootfs": HostRootfs()}
    return ContainerSpec(**known | changes)


def refusal(**changes: Any) -> str:
    """The text of the error that `changes` give."""
    with pytest.raises(SpecError) as error:
        spec(**changes)
    assert str(error.value) == f"{error.value.field}: {error.value.problem}"
    return str(error.value)


def test_the_defaults_are_the_safe_ones() -> None:
    """Who asks for nothing gets a filter, no new privileges, no network and few capabilities."""
    default = spec()
    assert (default.seccomp, default.no_new_privileges, default.network) == (True, True, "none")
    assert (default.init, default.umask, default.user) == (True, 0o022, "0")
    assert sorted(default.capabilities) == [0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 31]


def test_a_specification_does_not_change() -> None:
    """Every later stage only reads it."""
    with pytest.raises(exceptions.FrozenInstanceError):
        spec().user = "1"  # type: ignore[misc]  # the point of the test


@pytest.mark.parametrize("name", ["a", "0", "job-1", "A.b_c-d", "x" * 128])
def test_an_id_is_a_word(name: str) -> None:
    """Letters, digits and a few marks make an id; its first character is none of those marks."""
    assert spec(id=name).id == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "-a", "_a", ".a", "a/b", "a b", "a\n", "\na", "a\0", "é", "x" * 129]
)
def test_what_is_no_id_is_refused(name: str) -> None:
    """Nothing that could be another path, another line or an option is an id."""
    assert refusal(id=name) == f"id: {name[:140]!r} is not a valid container id"


@given(NAMES)
def test_an_id_never_means_more_than_a_name(name: str) -> None:
    """Whatever is accepted is one harmless component of a path."""
    try:
        accepted = spec(id=name).id
    except SpecError:
        return
    assert accepted == name
    assert accepted.isascii()
    assert not set(accepted) & set("/\n\0 ")
    assert accepted not in (".", "..")
    assert len(accepted) <= 128


def test_a_seccomp_profile_is_one() -> None:
    """What cannot be a filter is refused before anything is made."""
    assert refusal(seccomp_profile="{}") == "seccomp_profile: needs the key defaultAction"
    assert spec(seccomp_profile='{"defaultAction": "SCMP_ACT_LOG"}').seccomp


@pytest.mark.parametrize("command", [(), ("",), ("", "x")])
def test_an_empty_command_is_refused(command: tuple[str, ...]) -> None:
    """There has to be something to execute."""
    assert refusal(command=command) == "command: is empty"


def test_no_string_has_a_nul() -> None:
    """The kernel would take the part before it for all of it."""
    assert refusal(command=("a", "b\0c")) == "command[1]: contains a NUL character"
    assert refusal(environment={"A": "\0"}) == "environment.A: contains a NUL character"
    assert refusal(working_dir="/a\0b") == "working_dir: contains a NUL character"
    assert (
        refusal(volumes=(Volume(source="/a\0", target="/b"),))
        == "volumes[0].source: contains a NUL character"
    )
    assert (
        refusal(sysctls={"net.core.somaxconn": "1\0"})
        == "sysctls.net.core.somaxconn: contains a NUL character"
    )
    assert refusal(rootfs=DirectoryRootfs("/a\0")) == "rootfs: contains a NUL character"


@pytest.mark.parametrize("name", ["", "A=B", "=", "A\0"])
def test_a_variable_has_a_name(name: str) -> None:
    """A name with an equals sign would set another variable."""
    assert refusal(environment={name: "x"}) == f"environment: {name!r} is not a variable name"


def test_odd_variables_are_allowed() -> None:
    """The kernel knows no rule for names beyond these, and programs use it."""
    odd = {"a.b": "", "with blank": "x", "é": "é\n", "lower": "A=B"}
    assert spec(environment=odd).environment == odd


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("data", "'data' is not an absolute path"),
        ("", "'' is not an absolute path"),
        ("./data", "'./data' is not an absolute path"),
        ("/a/../b", "'/a/../b' contains '..'"),
        ("/..", "'/..' contains '..'"),
    ],
)
def test_paths_are_absolute_and_plain(path: str, problem: str) -> None:
    """The same rule holds for every path, and the message says which one broke it."""
    assert refusal(working_dir=path) == f"working_dir: {problem}"
    assert refusal(rootfs=DirectoryRootfs(path)) == f"rootfs: {problem}"
    assert refusal(rootfs=OverlayRootfs(("/a", path))) == f"rootfs: {problem}"
    if path != "data":  # which is the name of a volume
        volumes = (Volume(source="/a", target="/a"), Volume(source=path, target="/b"))
        assert refusal(volumes=volumes) == f"volumes[1].source: {problem}"
    assert refusal(volumes=(Volume(source="/", target=path),)) == f"volumes[0].target: {problem}"
    assert refusal(tmpfs=(Tmpfs(target=path),)) == f"tmpfs[0].target: {problem}"
    device = Device(source=path, target="/dev/x")
    assert refusal(devices=(device,)) == f"devices[0].source: {problem}"
    device = Device(source="/dev/null", target=path)
    assert refusal(devices=(device,)) == f"devices[0].target: {problem}"


def test_dots_in_names_are_no_climbing() -> None:
    """Only a component that is exactly two dots climbs."""
    path = "/a..b/...//c./..d"
    assert spec(working_dir=path).working_dir == path


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("/", "the root itself cannot be a mount target"),
        ("//.", "the root itself cannot be a mount target"),
        ("/proc", "nothing may be mounted below /proc"),
        ("/proc/sys", "nothing may be mounted below /proc"),
        ("//proc/", "nothing may be mounted below /proc"),
        ("/./proc/self", "nothing may be mounted below /proc"),
        ("/sys", "nothing may be mounted below /sys"),
        ("/sys/fs/cgroup", "nothing may be mounted below /sys"),
    ],
)
def test_the_kernels_own_places_are_no_targets(target: str, problem: str) -> None:
    """However it is spelt: neither the root nor anything in /proc or /sys."""
    volume = Volume(source="/a", target=target)
    device = Device(source="/dev/null", target=target)
    assert refusal(volumes=(volume,)) == f"volumes[0].target: {problem}"
    assert refusal(tmpfs=(Tmpfs(target=target),)) == f"tmpfs[0].target: {problem}"
    assert refusal(devices=(device,)) == f"devices[0].target: {problem}"


def test_a_name_that_only_begins_like_proc_is_a_target() -> None:
    """The rule is about the directory, not about its letters."""
    assert spec(tmpfs=(Tmpfs(target="/process"), Tmpfs(target="/srv/proc"))).tmpfs


def test_an_overlay_has_a_layer() -> None:
    """Without one there would be nothing to execute."""
    assert refusal(rootfs=OverlayRootfs(())) == "rootfs: has no lower directory"
    named = OverlayRootfs(("/a",), keep="../b")
    assert refusal(rootfs=named) == "rootfs.keep: '../b' is not a valid name"


def test_a_tmpfs_has_a_size_and_a_mode() -> None:
    """A size of 0 would mean no limit to the kernel, which is not what it says."""
    assert refusal(tmpfs=(Tmpfs(target="/a", size=0),)) == "tmpfs[0].size: 0 is not positive"
    assert (
        refusal(tmpfs=(Tmpfs(target="/a"), Tmpfs(target="/b", mode=0o10000)))
        == "tmpfs[1].mode: 0o10000 is not a file mode"
    )


@pytest.mark.parametrize("access", ["", "x", "rwx", "RW"])
def test_access_to_a_device_is_read_write_or_make(access: str) -> None:
    """Other letters mean nothing to the kernel."""
    device = Device(source="/dev/null", target="/dev/x", access=access)
    message = f"devices[0].access: {access!r} is not a subset of 'rwm'"
    assert refusal(devices=(device,)) == message


@pytest.mark.parametrize("name", ["box", "a", "a.b-c.example", "A1", "x" * 64])
def test_a_host_name_is_taken(name: str) -> None:
    """Up to the 64 characters that the kernel has room for."""
    assert spec(hostname=name).hostname == name


@pytest.mark.parametrize("name", ["", "-a", "a-", ".", "a_b", "a b", "a\n", "x" * 65, "é"])
def test_what_is_no_host_name_is_refused(name: str) -> None:
    """It goes into a file that others parse, so it has no blanks, newlines or edges of marks."""
    assert refusal(hostname=name) == f"hostname: {name!r} is not a valid host name"


def test_numbers_have_their_ranges() -> None:
    """The umask has nine bits, and signals go from 1 to 64."""
    assert refusal(umask=0o1000) == "umask: 0o1000 is not between 0 and 0777"
    assert refusal(umask=-1) == "umask: -0o1 is not between 0 and 0777"
    assert refusal(stop_signal=0) == "stop_signal: 0 is not a signal number"
    assert refusal(stop_signal=65) == "stop_signal: 65 is not a signal number"
    assert spec(umask=0o777, stop_signal=64).stop_signal == 64


def test_a_sysctl_of_the_whole_machine_is_refused() -> None:
    """Only what belongs to a namespace of the container may be set."""
    assert refusal(sysctls={"kernel.core_pattern": "|/x"}).startswith(
        "sysctls: 'kernel.core_pattern' belongs to the whole machine; "
    )
    assert refusal(sysctls={"net.ipv4.ip_forward": "1"}, network="host") == (
        "sysctls: 'net.ipv4.ip_forward' would change the host, whose network this container uses"
    )
    assert spec(sysctls={"net.ipv4.ip_forward": "1", "kernel.shmmax": "1"}).sysctls


@pytest.mark.parametrize("name", ["net/../kernel", "net..x", "net.+x", "/net.x", "net", ""])
def test_the_name_of_a_sysctl_is_no_path(name: str) -> None:
    """A name becomes a path below /proc/sys, so its characters are checked first."""
    assert refusal(sysctls={name: "1"}).startswith(f"sysctls: {name!r} is not the name of a sysctl")
