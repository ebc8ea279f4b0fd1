"""Makes a stack usable again after its engine was killed in the middle of an update.

A killed engine leaves two things in the file backend. A lock file names the process that held it; when that
process has gone, the lock is stale and `pulumi cancel` removes it. Pending operations in the state name the
resources that were being made: whether they reached the cloud is not known. `pulumi refresh` reads what there
is and forgets the pending creates; the `up` that follows makes them again, which every provider of the local
stack takes as the same resource when it is there already (ARM's PUT, and our own provider's create).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psutil

from cli.local.deployment import Deployment
from cli.local.errors import BusyError
from cli.local.progress import Step

#: How long to wait for an engine that outlived the command that started it.
_WAIT_SECONDS = 300.0
_POLL_SECONDS = 0.5


def left_behind(deployment: Deployment) -> bool:
    """Tell whether an engine left something, or works still."""
    return bool(_lock_files(deployment) or pending_operations(deployment.stack_file()))


def recover(deployment: Deployment, step: Step) -> None:
    """Clear what a killed engine left.

    Raises BusyError when another engine still works on the stack, DeploymentError when the engine refuses.
    """
    _wait_for_others(deployment, step)
    if _lock_files(deployment):
        deployment.run("cancel", "--yes")
    pending = pending_operations(deployment.stack_file())
    if pending:
        step.update(f"reading what an interrupted update made of {len(pending)} resources")
        deployment.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates")


def pending_operations(stack_file: Path) -> list[str]:
    """The resources (URNs) that an update was working on when it ended without notice."""
    if not stack_file.exists():
        return []
    latest = json.loads(stack_file.read_text())["checkpoint"].get("latest") or {}
    return [operation["resource"]["urn"] for operation in latest.get("pending_operations") or []]


def _wait_for_others(deployment: Deployment, step: Step) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while holders := list(_live_holders(deployment)):
        if time.monotonic() > deadline:
            raise BusyError(
                f"Another pulumi (process {holders[0]}) works on stack local; wait for it or end it."
            )
        step.update(f"waiting for another pulumi (process {holders[0]})")
        time.sleep(_POLL_SECONDS)


def _live_holders(deployment: Deployment) -> Iterator[int]:
    """The processes that hold a lock and still run; one that is younger than the lock reuses the id."""
    for file in _lock_files(deployment):
        lock = json.loads(file.read_text())
        taken = datetime.fromisoformat(lock["timestamp"]).timestamp()
        if _runs_since(lock["pid"], taken):
            yield lock["pid"]


def _lock_files(deployment: Deployment) -> list[Path]:
    return sorted((deployment.layout.backend / ".pulumi" / "locks").rglob("*.json"))


def _runs_since(pid: int, moment: float) -> bool:
    try:
        process = psutil.Process(pid)
        return process.create_time() <= moment + 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
