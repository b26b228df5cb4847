"""Only sysctls of a namespace are settable, and only by their exact names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.security.sysctls import check_sysctl


@pytest.mark.parametrize(
    "name",
    [
        "kernel.sem",
        "kernel.shmmax",
        "kernel.shm_rmid_forced",
        "kernel.msgmnb",
        "fs.mqueue.msg_max",
        "net.core.somaxconn",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.conf.Eth0.rp_filter",
    ],
)
def test_sysctls_of_a_namespace_are_allowed(name: str) -> None:
    """What the kernel keeps for each IPC or network namespace may be set."""
    check_sysctl(name, network_is_host=False)


@pytest.mark.parametrize(
    "name",
    [
        "kernel.core_pattern",
        "kernel.modprobe",
        "kernel.sysrq",
        "kernel.shmmaxx",
        "kernel.sem.core_pattern",
        "kernel.msg_next_id",
        "fs.binfmt_misc.register",
        "fs.mqueuex.msg_max",
        "vm.overcommit_memory",
        "user.max_user_namespaces",
        "network.core.somaxconn",
    ],
)
def test_sysctls_of_the_machine_are_refused(name: str) -> None:
    """What belongs to the whole machine is an error that lists what may be set."""
    with pytest.raises(ValueError, match=f"^'{name}' belongs to the whole machine.*kernel.sem"):
        check_sysctl(name, network_is_host=False)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "net",
        "net.",
        ".net.core",
        "net..core",
        "net.core/somaxconn",
        "net/core/somaxconn",
        "net.ipv4.conf.eth0/1.forwarding",
        "net.core.somaxconn+kernel.core_pattern",
        "net.core.../kernel",
        "net.core.somaxconn ",
        "net.core.somaxconn\n",
        "net.core.\0",
        "net.core.\u0661",
        "net." + "a" * 300,
    ],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    """Slashes, empty parts, plus signs, blanks, and anything that is not ASCII are refused."""
    with pytest.raises(ValueError, match="is not the name of a sysctl"):
        check_sysctl(name, network_is_host=False)


def test_network_sysctls_need_a_network_of_their_own() -> None:
    """On the host's network net.* is the host's, while IPC is still the container's."""
    check_sysctl("kernel.shmmax", network_is_host=True)
    with pytest.raises(ValueError, match=r"'net\.core\.somaxconn' would change the host"):
        check_sysctl("net.core.somaxconn", network_is_host=True)


@given(st.text(), st.booleans())
def test_an_accepted_name_stays_below_its_directory(name: str, network_is_host: bool) -> None:
    """A name that passes makes a path without a step upwards, below a known directory."""
    for candidate in (name, f"net.{name}", f"kernel.shmmax{name}", f"fs.mqueue.{name}"):
        try:
            check_sysctl(candidate, network_is_host)
        except ValueError:
            continue
        parts = candidate.split(".")
        assert parts[0] in ("net", "kernel", "fs")
        assert all(part and "/" not in part for part in parts)
