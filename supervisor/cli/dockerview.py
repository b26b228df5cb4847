"""A container with Docker's names for what is known of it, as scripts ask for it. Pure.

It is made of the same definition and the same records as all else that is shown, and holds nothing
of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from runtime.images.config import ImageConfig, write_config
from runtime.spec import names_volume
from runtime.volumes.store import DRIVER, data_in
from supervisor.cli.listing import docker_state
from supervisor.cli.moments import rfc3339
from supervisor.jobspec import JobSpec
from supervisor.journal import AttemptRecord, RunRecord
from supervisor.mounts import Volume
from supervisor.states import Reason

NEVER = "0001-01-01T00:00:00Z"
"""Docker's word for a time that has not come."""


@frozen(kw_only=True)
class Made:
    """What a container is made of: its image by name and id, and what comes of it and the job."""

    spec: JobSpec
    image: str
    id: str
    config: ImageConfig
    volumes: str
    """The directory of volumes."""
    own_volumes: Mapping[str, str]
    """The volumes that go with the container that runs, by where it sees them."""


@frozen(kw_only=True)
class Viewed:
    """What is known of a container; None where it is not there, or has gone."""

    id: str
    name: str
    created: float
    made: Made | None
    run: RunRecord | None
    attempt: AttemptRecord | None
    attempts: int
    paused: bool
    remove: bool

    def document(self) -> Mapping[str, Any]:
        """All of it."""
        return {
            "Id": self.id,
            "Name": f"/{self.name}",
            "Created": rfc3339(self.created),
            "State": self._state(),
            "RestartCount": max(0, self.attempts - 1),
            **({} if self.made is None else _of_made(self.made, remove=self.remove)),
        }

    def _state(self) -> Mapping[str, Any]:
        status, attempt = docker_state(self.run, paused=self.paused), self.attempt
        over = attempt is None or attempt.ended is not None
        code = None if attempt is None else attempt.exit_code
        error = attempt is not None and attempt.reason is Reason.START_ERROR
        state: dict[str, Any] = {
            "Status": status,
            "Running": status in ("running", "paused"),
            "Paused": self.paused,
            "Restarting": status == "restarting",
            "OOMKilled": attempt is not None and attempt.reason is Reason.OOM_KILLED,
            "Pid": 0 if attempt is None or over else attempt.pid or 0,
            "ExitCode": 0 if code is None else code,
            "Error": attempt.detail if attempt is not None and error else "",
            "StartedAt": NEVER if attempt is None else rfc3339(attempt.started),
            "FinishedAt": NEVER if attempt is None or over is False else rfc3339(attempt.ended),
        }
        if attempt is not None and attempt.health is not None:
            state["Health"] = {"Status": attempt.health}
        return state


def _of_made(made: Made, *, remove: bool) -> Mapping[str, Any]:
    spec, limits = made.spec, made.spec.limits
    return {
        "Image": made.id,
        "Config": {
            "Hostname": spec.hostname or "",
            "Image": made.image,
            "Tty": spec.tty,
            "OpenStdin": spec.stdin_open,
            **dict.fromkeys(("User", "WorkingDir"), ""),
            **dict.fromkeys(("Env", "Cmd", "Entrypoint"), ()),
            "Labels": {},
            **write_config(made.config),
        },
        "HostConfig": {
            "NetworkMode": spec.network_mode,
            "Memory": limits.memory or 0,
            "MemoryReservation": limits.memory_reservation or 0,
            "MemorySwap": limits.memory_swap or 0,
            "NanoCpus": round((limits.cpus or 0) * 1e9),
            "CpusetCpus": limits.cpuset or "",
            "PidsLimit": limits.pids or -1,
            "RestartPolicy": {
                "Name": spec.restart.kind,
                "MaximumRetryCount": spec.restart.max_restarts or 0,
            },
            "AutoRemove": remove,
            "ReadonlyRootfs": spec.read_only,
            "CapAdd": [*spec.cap_add],
            "CapDrop": [*spec.cap_drop],
        },
        "Mounts": [
            *(_volume(volume, made.volumes) for volume in _present(spec, made.own_volumes)),
            *(
                {"Type": "tmpfs", "Source": "", "Destination": each.target, "Mode": "", "RW": True}
                for each in spec.tmpfs
            ),
        ],
    }


def _present(spec: JobSpec, own: Mapping[str, str]) -> list[Volume]:
    """The volumes with their names, those of the image included; only while they are there."""
    unnamed = {each.target: each for each in spec.volumes if each.source is None}
    present = [each for each in spec.volumes if each.source is not None]
    for target, name in own.items():
        present.append(evolve(unnamed.get(target, Volume(target=target)), source=name))
    return present


def _volume(volume: Volume, volumes: str) -> Mapping[str, Any]:
    name = volume.source or ""
    if names_volume(name):
        data = data_in(f"{volumes}/{name}")
        source = {"Type": "volume", "Name": name, "Source": data, "Driver": DRIVER}
    else:
        source = {"Type": "bind", "Source": name, "Propagation": volume.propagation}
    return {
        **source,
        "Destination": volume.target,
        "Mode": "ro" if volume.read_only else "",
        "RW": not volume.read_only,
    }
