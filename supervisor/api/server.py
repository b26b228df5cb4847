"""The supervisor's side of the control socket.

hypercorn and starlette are imported only when a supervisor starts to serve: no other command pays
for them.

    GET  /v1/jobs               what each job is doing and the memory that it uses now
    POST /v1/jobs/NAME/stop     stop one job; answers when it has ended
    POST /v1/reload             read the jobs file again; 422 with the mistakes of one that has any
    POST /v1/shutdown           ordered end of everything; ?now=1 kills
"""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, cast

import trio
from attrs import asdict

from supervisor.api.client import ControlError
from supervisor.problems import JobsFileError
from supervisor.revision import Revision
from supervisor.scheduler import Over, Scheduler
from supervisor.systemd.activation import listening_socket

if TYPE_CHECKING:
    from hypercorn.typing import Framework
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response


async def serve_control(
    scheduler: Scheduler,
    reload: Callable[[], Awaitable[Revision]],
    listener: socket.socket,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve on a bound socket until cancelled."""
    from hypercorn.config import Config
    from hypercorn.trio import serve

    config = Config()
    config.bind = [f"fd://{listener.dup().detach()}"]  # hypercorn closes it
    config.errorlog = None
    config.graceful_timeout = 0
    # hypercorn spells ASGI out in types of its own, which starlette's equal ones do not match.
    application = cast("Framework", _application(scheduler, reload))
    async with trio.open_nursery() as nursery:
        await nursery.start(lambda task_status: serve(application, config, task_status=task_status))
        task_status.started()


@contextmanager
def control_socket(path: str, passed: int | None = None) -> Iterator[socket.socket]:
    """The listening socket, for its owner only; removed in the end. Raises ControlError.

    One that was `passed` to this process belongs to the service manager, which keeps it: who
    connects while one supervisor follows another waits for the next one.
    """
    if passed is not None:
        try:
            listener = listening_socket(passed, path)
        except (OSError, ValueError) as error:
            raise ControlError(f"use the passed control socket: {error}") from error
        with listener:
            yield listener
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        with suppress(FileNotFoundError):  # what a killed supervisor has left
            os.unlink(path)
        try:
            before = os.umask(0o177)
            try:
                listener.bind(path)
            finally:
                os.umask(before)
            listener.listen()
        except OSError as error:
            raise ControlError(f"make the control socket {path}: {error}") from error
        try:
            yield listener
        finally:
            with suppress(FileNotFoundError):
                os.unlink(path)


def _application(scheduler: Scheduler, reload: Callable[[], Awaitable[Revision]]) -> Starlette:
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    async def jobs(_: Request) -> Response:
        return JSONResponse(
            [
                {"job": name, "state": run.state, "attempt": run.attempts, "memory": run.memory}
                for name, run in scheduler.runs.items()
            ]
        )

    async def stop(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in scheduler.runs:
            return JSONResponse({"error": f"no such job: {name}"}, status_code=404)
        await scheduler.stop(name)
        return JSONResponse({"job": name, "state": scheduler.runs[name].state})

    async def read_again(_: Request) -> Response:
        try:
            revision = await reload()
        except JobsFileError as error:
            problems = [asdict(problem) for problem in error.problems]
            return JSONResponse({"error": str(error), "problems": problems}, status_code=422)
        except Over as error:
            return JSONResponse({"error": str(error)}, status_code=409)
        return JSONResponse(asdict(revision))

    async def shut_down(request: Request) -> Response:
        # Asked a second time without `now`, it goes on as it has begun.
        if not scheduler.shutting_down.is_set():
            scheduler.shut_down()
        if request.query_params.get("now"):
            scheduler.shut_down()
        return JSONResponse({"stopping": True})

    return Starlette(
        routes=[
            Route("/v1/jobs", jobs),
            Route("/v1/jobs/{name}/stop", stop, methods=["POST"]),
            Route("/v1/reload", read_again, methods=["POST"]),
            Route("/v1/shutdown", shut_down, methods=["POST"]),
        ]
    )
