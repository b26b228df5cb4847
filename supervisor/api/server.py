"""The supervisor's side of the control socket.

hypercorn and starlette are imported only when a supervisor starts to serve: no other command pays
for them.

    GET  /v1/jobs               what each job is doing and the memory that it uses now
    POST /v1/jobs/NAME/try      answers when its command has been executed, or could not be
    POST /v1/jobs/NAME/start    begin one that has ended anew, and the same
    POST /v1/jobs/NAME/signal   send it ?signal=NAME; KILL ends it, and answers when it has ended
    POST /v1/jobs/NAME/pause    stop all its processes where they are; /unpause lets them go on
    POST /v1/jobs/NAME/limits   the body is a table of limits: let its container have them, too
    POST /v1/jobs/NAME/stop     stop one job, with ?grace=SECONDS; answers when it has ended
    POST /v1/reload             read the jobs file again; 422 with the mistakes of one that has any
    POST /v1/shutdown           ordered end of everything; ?now=1 kills
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, cast

import trio
from attrs import asdict, evolve, frozen

from runtime.errors import ContainerError
from supervisor.api.client import ControlError
from supervisor.journal import EventKind
from supervisor.problems import JobsFileError
from supervisor.runorder import OrderError, read_limits
from supervisor.scheduler import Over
from supervisor.systemd.activation import listening_socket
from supervisor.values import read_signal

if TYPE_CHECKING:
    from hypercorn.typing import Framework
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from runtime.container import Container
    from supervisor.job import JobRun
    from supervisor.service import Service


async def serve_control(
    service: Service,
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
    application = cast("Framework", _application(service))
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


def _application(service: Service) -> Starlette:
    from starlette.applications import Starlette
    from starlette.routing import Route

    desk = _Desk(service)

    def on_job(action: str, answer: Callable[[Request, JobRun], Awaitable[JobRun]]) -> Route:
        return Route(f"/v1/jobs/{{name}}/{action}", partial(desk.on_job, answer), methods=["POST"])

    return Starlette(
        routes=[
            Route("/v1/jobs", desk.jobs),
            on_job("try", desk.wait_until_tried),
            on_job("start", desk.start),
            on_job("signal", desk.signal),
            on_job("pause", desk.pause),
            on_job("unpause", desk.unpause),
            on_job("limits", desk.limit),
            on_job("stop", desk.stop),
            Route("/v1/reload", desk.reload, methods=["POST"]),
            Route("/v1/shutdown", desk.shut_down, methods=["POST"]),
        ]
    )


@frozen
class _Desk:
    """Answers each request."""

    service: Service

    async def jobs(self, _: Request) -> Response:
        runs = self.service.runs
        return _json(
            [
                {
                    "job": name,
                    "state": run.state,
                    "attempt": run.attempts,
                    "memory": run.memory,
                    "paused": (container := _container(run)) is not None and container.paused,
                }
                for name, run in runs.items()
            ]
        )

    async def on_job(
        self, answer: Callable[[Request, JobRun], Awaitable[JobRun]], request: Request
    ) -> Response:
        name = request.path_params["name"]
        if name not in self.service.runs:
            return _json({"error": f"no such job: {name}"}, 404)
        try:
            run = await answer(request, self.service.runs[name])
        except Over as error:
            return _json({"error": str(error)}, 409)
        except (ValueError, ContainerError, OrderError) as error:
            return _json({"error": str(error)}, 400)
        result = run.result
        return _json(
            {
                "job": name,
                "state": run.state,
                "reason": None if result is None else result.reason,
                "detail": "" if result is None else result.detail,
                "exit_code": None if result is None else result.exit_code,
            }
        )

    async def wait_until_tried(self, _: Request, run: JobRun) -> JobRun:
        await run.tried.wait()
        return run

    async def start(self, request: Request, run: JobRun) -> JobRun:
        if run.state.terminal:
            run = self.service.begin_again(run.spec.name)
        return await self.wait_until_tried(request, run)

    async def signal(self, request: Request, run: JobRun) -> JobRun:
        number = read_signal(request.query_params.get("signal", ""))
        if number == signal.SIGKILL:
            if run.attempt is not None:
                _note(run, "kill", signal=number)
            run.kill()
            await run.ended.wait()
        else:
            _running(run).signal(number)
            _note(run, "kill", signal=number)
        return run

    async def pause(self, _: Request, run: JobRun) -> JobRun:
        await _running(run).pause()
        _note(run, "pause")
        return run

    async def unpause(self, _: Request, run: JobRun) -> JobRun:
        _running(run).unpause()
        _note(run, "unpause")
        return run

    async def limit(self, request: Request, run: JobRun) -> JobRun:
        limits = read_limits(await request.json())
        if run.attempt is not None:
            container = _container(run)
            if container is None:
                raise ValueError("it is just being started, or has just ended: try again")
            run.shop.runtime.limit(container, limits)
            run.attempt.job = evolve(run.attempt.job, limits=limits)
        # Those who have written it down let it be read again; until then this is what is known.
        run.spec = evolve(run.spec, limits=limits)
        return run

    async def stop(self, request: Request, run: JobRun) -> JobRun:
        grace = request.query_params.get("grace")
        seconds = None if grace is None else float(grace)
        if seconds is not None and not seconds >= 0:
            raise ValueError(f"grace: {grace} is not 0 or more")
        run.stop(grace=seconds)
        await run.ended.wait()
        return run

    async def reload(self, _: Request) -> Response:
        try:
            revision = await self.service.reload()
        except JobsFileError as error:
            problems = [asdict(problem) for problem in error.problems]
            return _json({"error": str(error), "problems": problems}, 422)
        except Over as error:
            return _json({"error": str(error)}, 409)
        return _json(asdict(revision))

    async def shut_down(self, request: Request) -> Response:
        scheduler = self.service.scheduler
        # Asked a second time without `now`, it goes on as it has begun.
        if not scheduler.shutting_down.is_set():
            scheduler.shut_down()
        if request.query_params.get("now"):
            scheduler.shut_down()
        return _json({"stopping": True})


def _container(run: JobRun) -> Container | None:
    """The container whose command runs."""
    return None if run.attempt is None else run.attempt.container


def _running(run: JobRun) -> Container:
    container = _container(run)
    if container is None:
        raise ValueError("it is not running")
    return container


def _note(run: JobRun, request: str, **data: object) -> None:
    """Write down what was asked for, and done, unless the run has ended meanwhile."""
    if not run.state.terminal:
        journal = run.shop.journal
        journal.event(EventKind.REQUEST, request, run=run.number, attempt=run.attempts, data=data)


def _json(content: object, status: int = 200) -> Response:
    from starlette.responses import JSONResponse

    return JSONResponse(content, status_code=status)
