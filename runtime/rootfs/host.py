"""The `host` root: which of the host's directories a container may see, and its own small /etc.

The list says what is shown, so a new directory of the host is hidden until somebody adds it:
never /root, /home, /var, /srv, /run or anything that holds state or secrets.
"""

from __future__ import annotations

import os
import stat
from functools import cache

from attrs import frozen

PROGRAM_DIRECTORIES = ("/bin", "/lib", "/lib32", "/lib64", "/libx32", "/sbin", "/usr")
ETC_FILES = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/ca-certificates.conf",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/protocols",
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
)
PASSWD = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
GROUP = b"root:x:0:\ntty:x:5:\nnogroup:x:65534:\n"
NSSWITCH = b"passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n"
GENERATED = {"/etc/passwd": PASSWD, "/etc/group": GROUP, "/etc/nsswitch.conf": NSSWITCH}
PRIVATE_DIRECTORIES = {
    "/etc": 0o755,
    "/home": 0o755,
    "/root": 0o700,
    "/run": 0o755,
    "/tmp": 0o1777,
    "/var": 0o755,
    "/var/tmp": 0o1777,
}


@frozen
class HostView:
    """`binds` are shown read-only at their own path; `links` maps link paths to their targets."""

    binds: tuple[str, ...]
    links: tuple[tuple[str, str], ...]


@cache
def host_view() -> HostView:
    """Look at the host once: where /bin and /lib are links into /usr, they are links here too."""
    binds: list[str] = []
    links: list[tuple[str, str]] = []
    for path in (*PROGRAM_DIRECTORIES, *ETC_FILES):
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            continue
        if stat.S_ISLNK(mode):
            links.append((path, os.readlink(path)))
        else:
            binds.append(path)
    return HostView(tuple(binds), tuple(links))
