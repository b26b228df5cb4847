"""The command line's side of the control socket: the standard library's HTTP over a Unix socket."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from typing import Any, TypeAlias
from urllib.parse import quote

from supervisor.problems import JobsFileError, Problem

Answer: TypeAlias = Mapping[str, Any]
"""`state` of the job's run, and `reason`, `detail` and `exit_code` of its last attempt, if any."""


class ControlError(Exception):
    """The supervisor could not be reached, or refused what was asked."""


class NotServed(ControlError):
    """No supervisor answers: there is none, or it has not come that far yet."""


class Gone(ControlError):
    """It is about to end, or has ended before it had answered."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("supervisor")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._path)


class ControlClient:
    """Talks to the supervisor that serves the socket at `path`."""

    def __init__(self, path: str) -> None:
        self._path = path

    def memory(self) -> dict[str, int | None]:
        """The bytes that each job uses now. Raises ControlError."""
        return {job["job"]: job["memory"] for job in self._ask("GET", "/v1/jobs")}

    def paused(self) -> set[str]:
        """The jobs whose processes are stopped where they are. Raises ControlError."""
        return {job["job"] for job in self._ask("GET", "/v1/jobs") if job["paused"]}

    def pause(self, job: str) -> None:
        """Stop all processes of a job where they are. Raises ControlError."""
        self._on_job(job, "pause")

    def unpause(self, job: str) -> None:
        """Let them go on. Raises ControlError."""
        self._on_job(job, "unpause")

    def stop(self, job: str, grace: float | None = None) -> None:
        """Stop a job, killing it after so many seconds, and return when it has ended.

        Raises ControlError.
        """
        self._on_job(job, "stop" if grace is None else f"stop?grace={grace}")

    def wait_until_tried(self, job: str) -> Answer:
        """Return when a job's command has been executed or could not be. Raises ControlError."""
        return self._on_job(job, "try")

    def start(self, job: str) -> Answer:
        """Begin a job that has ended anew; the rest is as with `wait_until_tried`."""
        return self._on_job(job, "start")

    def signal(self, job: str, name: str) -> None:
        """Send a job's command a signal; KILL ends the job. Raises ControlError."""
        self._on_job(job, f"signal?signal={quote(name, safe='')}")

    def limit(self, job: str, limits: Mapping[str, object]) -> None:
        """Let a job have the limits of this table from now on. Raises ControlError."""
        self._on_job(job, "limits", limits)

    def _on_job(self, job: str, action: str, body: Mapping[str, object] | None = None) -> Answer:
        answer: Answer = self._ask("POST", f"/v1/jobs/{quote(job, safe='')}/{action}", body)
        return answer

    def reload(self) -> dict[str, list[str]]:
        """Let it read its jobs file again; returns the jobs that are `added`, `removed`, `changed`.

        Raises JobsFileError with the mistakes of the file, or ControlError.
        """
        answer: dict[str, list[str]] = self._ask("POST", "/v1/reload")
        return answer

    def shut_down(self, *, now: bool = False) -> None:
        """Begin the ordered end of everything. Raises ControlError."""
        self._ask("POST", "/v1/shutdown" + ("?now=1" if now else ""))

    def _ask(self, method: str, target: str, body: Mapping[str, object] | None = None) -> Any:
        connection = _UnixConnection(self._path)
        try:
            connection.request(method, target, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            told = answer.read()
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NotServed("no supervisor is running") from error
        except (OSError, http.client.HTTPException) as error:
            raise Gone(f"talk to the supervisor at {self._path}: {error}") from error
        finally:
            connection.close()
        if answer.status == 422:
            raise JobsFileError(Problem(**each) for each in json.loads(told)["problems"])
        if answer.status == 409:
            raise Gone(_refusal(told, answer.reason))
        if answer.status != 200:
            raise ControlError(_refusal(told, answer.reason))
        return json.loads(told)


def _refusal(body: bytes, otherwise: str) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return otherwise
