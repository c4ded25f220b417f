"""TaskService: long operations and the monitors that a client polls."""

from __future__ import annotations

from typing import Any

from orchestrator.lab.effects import now
from orchestrator.lab.sites.bmc.board import Board
from orchestrator.lab.sites.bmc.exchange import ROOT, Answer, Request, collection, link, resource
from orchestrator.lab.sites.bmc.messages import Denial, extended
from orchestrator.lab.sites.bmc.state import Job
from orchestrator.lab.sites.bmc.updates import OPEN

TASKS = f"{ROOT}/TaskService/Tasks"
MONITORS = f"{ROOT}/TaskService/TaskMonitors"


def read(_board: Board, request: Request) -> Answer:
    """The service."""
    body = resource(request.path, "TaskService.v1_2_0.TaskService", "Tasks")
    body |= {
        "ServiceEnabled": True,
        "DateTime": f"{now()[:19]}Z",
        "CompletedTaskOverWritePolicy": "Oldest",
        "LifeCycleEventOnTaskStateChange": False,
        "Status": {"State": "Enabled", "Health": "OK"},
        "Tasks": link(TASKS),
    }
    return Answer(body=body)


def members(board: Board, request: Request) -> Answer:
    """All jobs, ended ones too."""
    return collection(request.path, "Task", list(board.state().jobs))


def task(board: Board, request: Request, ident: str) -> Answer:
    """One job."""
    return Answer(body=task_body(_job(board, request, ident)))


def monitor(board: Board, request: Request, ident: str) -> Answer:
    """202 while the job lasts, then 200 (or 400 where it failed), with the task each time."""
    job = _job(board, request, ident)
    if job.state in OPEN:
        return Answer(202, task_body(job), {"Location": f"{MONITORS}/{ident}", "Retry-After": "1"})
    return Answer(200 if not job.failed else 400, task_body(job))


def task_body(job: Job) -> dict[str, Any]:
    """The Task resource of a job."""
    body = resource(f"{TASKS}/{job.ident}", "Task.v1_7_3.Task", job.name)
    body |= {
        "TaskState": job.state,
        "TaskStatus": "Critical" if job.failed else "OK",
        "PercentComplete": job.percent,
        "StartTime": _whole(job.begun),
        "TaskMonitor": f"{MONITORS}/{job.ident}",
        "Messages": [
            extended("GeneralError" if job.failed else "Success", resolution=job.message) | {"Message": job.message}
        ],
    }
    return body | ({"EndTime": _whole(job.ended)} if job.ended else {})


def _job(board: Board, request: Request, ident: str) -> Job:
    job = board.state().jobs.get(ident)
    if job is None:
        raise Denial(404, "ResourceMissingAtURI", request.path)
    return job


def _whole(moment: str) -> str:
    return f"{moment[:19]}Z"
