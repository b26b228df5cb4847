"""The unit files of a supervisor, as text. Pure.

What is unusual about a setting is said beside it, in the file itself, where an administrator reads
it; docs/systemd.md has the whole argument.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Mapping, Sequence

from attrs import frozen

SERVICE = "pocker.service"
SOCKET = "pocker.socket"
JOBS = "pocker-jobs.service"
CONTAINERS = "pocker-containers.service"
MARK = (
    "# Written by `pocker systemd install`; `systemctl edit` changes it without touching this file."
)
FILE_KEY = "X-Pocker-File"
"""Tells which jobs file the service is for; systemd ignores keys that begin with X-."""

NOTIFY_RELOAD = 253
"""The first systemd that has Type=notify-reload."""

_NEVER_USED = (
    "CAP_AUDIT_CONTROL CAP_AUDIT_READ CAP_BLOCK_SUSPEND CAP_LEASE CAP_LINUX_IMMUTABLE"
    " CAP_MAC_ADMIN CAP_MAC_OVERRIDE CAP_SYS_BOOT CAP_SYS_MODULE CAP_SYS_PACCT CAP_SYS_RAWIO"
    " CAP_SYS_TIME CAP_SYS_TTY_CONFIG CAP_WAKE_ALARM"
)
_FAMILIES = "AF_UNIX AF_INET AF_INET6 AF_NETLINK AF_PACKET"
_NEVER_CALLED = "@clock @cpu-emulation @module @obsolete @raw-io @reboot @swap"


@frozen(kw_only=True)
class Installation:
    """What the units are for. All paths are absolute."""

    program: Sequence[str]
    """The command line of pocker itself."""
    file: str | None
    """The jobs file; None for the containers of `run -d`."""
    root: str
    state: str
    runtime_base: str
    """Where the manager makes runtime directories: /run, or the user's own."""
    is_user: bool
    systemd: int
    """The version that the units are for."""

    def command(self, *arguments: str) -> str:
        """A command line of pocker as a unit file has it."""
        words = (*self.program, "--root", self.root, "--state", self.state, *arguments)
        return " ".join(map(_word, words))


def unit_files(installation: Installation) -> Mapping[str, str]:
    """The text of each unit by its name; the first is the one to be enabled."""
    if installation.file is None:
        return {CONTAINERS: _containers(installation)}
    return {
        SERVICE: _service(installation, installation.file),
        SOCKET: _socket(installation, installation.file),
        JOBS: _jobs(),
    }


def _target(installation: Installation) -> str:
    return "default.target" if installation.is_user else "multi-user.target"


def _service(installation: Installation, file: str) -> str:
    paths = (file, installation.root, installation.state)
    return f"""{MARK}
[Unit]
Description=Jobs of {_plain(file)}
{FILE_KEY}={_plain(file)}
After=network.target {SOCKET} {JOBS}
Requires={SOCKET} {JOBS}
RequiresMountsFor={" ".join(map(_path, paths))}
StartLimitIntervalSec=5min
StartLimitBurst=10

[Service]
ExecStart={installation.command("up", "--cgroup", f"../{JOBS}", "--", file)}
{_reload(installation, file)}
NotifyAccess=main
WatchdogSec=30s

# A job that has failed, or a mistake in the file, is no reason to begin again.
Restart=on-failure
RestartPreventExitStatus=1 2
RestartSec=1s
SuccessExitStatus=131 143

# The jobs are in {JOBS}, so nothing that is done to this unit's processes reaches them.
# SIGTERM stops the jobs in order; more time than this is asked for where it is needed.
# SIGQUIT ends the supervisor alone: the one that a restart begins takes the jobs up.
Slice=pocker.slice
KillMode=mixed
KillSignal=SIGTERM
RestartKillSignal=SIGQUIT
TimeoutStopSec=30s
OOMPolicy=continue

{_directories(installation)}

# What neither the supervisor nor a job is ever given. Nothing here makes a mount namespace:
# volumes have to be what the host has at these paths.
CapabilityBoundingSet=~{_NEVER_USED}
SystemCallFilter=~{_NEVER_CALLED}
SystemCallErrorNumber=EPERM
SystemCallArchitectures=native
LockPersonality=yes
KeyringMode=private
RestrictAddressFamilies={_FAMILIES}

[Install]
WantedBy={_target(installation)}
"""


def _containers(installation: Installation) -> str:
    paths = (installation.root, installation.state)
    return f"""{MARK}
[Unit]
Description=Containers of pocker run -d
After=network.target
RequiresMountsFor={" ".join(map(_path, paths))}
StartLimitIntervalSec=5min
StartLimitBurst=10

[Service]
Type=notify
NotifyAccess=main
WatchdogSec=30s

# It stays when no container runs: beside it `run` and `exec` start several times faster.
ExecStart={installation.command("serve", "--stay")}

Restart=on-failure
RestartSec=1s
SuccessExitStatus=131 143

# The containers' control groups are not in that of this unit, so nothing that is done to its
# processes reaches them. SIGTERM stops all containers; more time than this is asked for where it
# is needed. SIGQUIT ends the supervisor alone: the one that a restart begins takes them up.
KillMode=mixed
KillSignal=SIGTERM
RestartKillSignal=SIGQUIT
TimeoutStopSec=30s
OOMPolicy=continue

{_directories(installation)}

# No capability and no system call is taken away: a container that asks for one is to have it from
# here as it has from a shell.
KeyringMode=private

[Install]
WantedBy={_target(installation)}
"""


def _reload(installation: Installation, file: str) -> str:
    if installation.systemd >= NOTIFY_RELOAD:
        # SIGHUP has no answer that could say what is wrong with the file.
        return f"Type=notify-reload\nExecReload={installation.command('check', file)}"
    return f"Type=notify\nExecReload={installation.command('reload')}"


def _directories(installation: Installation) -> str:
    lines = ["UMask=0077"]
    below = _below(installation.runtime_base, installation.root)
    if below is not None:
        lines += [
            f"RuntimeDirectory={_path(below)}",
            "RuntimeDirectoryMode=0700",
            "# Jobs outlive the supervisor, and this is what the next one finds them by.",
            "RuntimeDirectoryPreserve=yes",
        ]
    below = None if installation.is_user else _below("/var/lib", installation.state)
    if below is not None:
        lines += [f"StateDirectory={_path(below)}", "StateDirectoryMode=0700"]
    return "\n".join(lines)


def _socket(installation: Installation, file: str) -> str:
    return f"""{MARK}
[Unit]
Description=Control socket of the supervisor of {_plain(file)}
# It is there for as long as the service is, restarts included. If it stayed after the end of all
# jobs, whoever connects would begin them anew.
StopWhenUnneeded=yes

[Socket]
ListenStream={_plain(installation.root)}/control.sock
FileDescriptorName=control
SocketMode=0600
DirectoryMode=0700
FlushPending=yes
RemoveOnStop=yes
"""


def _jobs() -> str:
    return f"""{MARK}
[Unit]
Description=Place of the jobs' control groups
# Restarting this unit would kill all jobs. Programs that restart whatever uses an old library
# would do that.
RefuseManualStop=yes

[Service]
# The only process of its own keeps the control group in being. If it is killed, the unit stays
# active all the same, and the jobs with it.
Type=exec
ExecStart=-sleep infinity
RemainAfterExit=yes
Delegate=yes
Slice=pocker.slice
TasksMax=infinity
OOMPolicy=continue
TimeoutStopSec=10s

# All of this is for that one process. What systemd does by means of the control group itself,
# such as IPAddressDeny= or PrivateDevices=, would be for the jobs as well.
CapabilityBoundingSet=
KeyringMode=private
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
PrivateNetwork=yes
PrivateTmp=yes
ProcSubset=pid
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RestrictAddressFamilies=none
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
UMask=0077
"""


def _below(base: str, path: str) -> str | None:
    """A path relative to a base that it is in."""
    relative = posixpath.relpath(path, base)
    return None if relative == "." or relative.startswith("..") else relative


def _plain(text: str) -> str:
    """Text in which systemd would look for specifiers."""
    return text.replace("%", "%%")


def _path(text: str) -> str:
    """One path of a list."""
    if shlex.quote(text) == text:
        return text
    escaped = _plain(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _word(text: str) -> str:
    """One word of a command line, where variables are looked for as well."""
    return _path(text).replace("$", "$$")
