"""What the kernel tells of mounts."""

from __future__ import annotations

import pytest

from runtime.mountinfo import silent_mount

MOUNTINFO = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:26 / /srv rw - tmpfs tmpfs rw
31 30 0:27 / /srv/slave rw master:1 - tmpfs tmpfs rw
32 22 0:28 / /a\040b rw unbindable - tmpfs tmpfs rw
33 22 0:29 / /twice rw shared:4 - tmpfs tmpfs rw
34 33 0:30 / /twice rw - tmpfs tmpfs rw
""".lstrip()


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/", None),
        ("/home/x", None),
        ("/srv", "/srv"),
        ("/srv/data", "/srv"),
        ("/srv/slave/x", None),
        ("/srvother", None),
        ("/a b/c", "/a b"),
        ("/twice/x", "/twice"),
    ],
)
def test_the_mount_above_a_path_passes_mounts_on_or_not(path: str, found: str | None) -> None:
    """The innermost one counts, and of several at one place the last, which is seen."""
    assert silent_mount(MOUNTINFO, path) == found
