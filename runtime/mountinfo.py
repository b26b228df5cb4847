"""What the kernel tells of mounts (proc_pid_mountinfo(5)). Pure."""

from __future__ import annotations

import posixpath
import re


def unescaped(text: str) -> str:
    """Undo the octal escapes that the kernel writes for blanks and backslashes."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def silent_mount(mountinfo: str, path: str) -> str | None:
    """The mount point above a path without links, if that passes no mounts on; else None."""
    passes_on, found = True, ""
    for line in mountinfo.splitlines():
        fields, _, _ = line.partition(" - ")
        _, _, _, _, point, _, *optional = fields.split(" ")
        point = unescaped(point)
        # The last one of several at the same place is what is seen.
        if len(point) >= len(found) and posixpath.commonpath((point, path)) == point:
            passes_on = any(each.startswith(("shared:", "master:")) for each in optional)
            found = point
    return None if passes_on else found
