"""Makes a stack usable again after its engine was killed in the middle of an update.

A killed engine leaves three things in the file backend. A lock file names the process that held it; when
that process has gone, the lock is stale and `pulumi cancel` removes it. The state may be cut off, as the
engine writes it in place; the one before it, which it keeps beside it, is whole. Pending operations in the
state name the resources that were being made: whether they reached the cloud is not known. `pulumi refresh`
reads what there is and forgets the pending creates; the `up` that follows makes them again, which every
provider of the local stack takes as the same resource when it is there already (ARM's PUT, and our own
provider's create).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psutil

from cli.local.deployment import Deployment
from cli.local.errors import BusyError, DeploymentError
from cli.local.progress import Step

#: How long to wait for an engine that outlived the command that started it.
_WAIT_SECONDS = 300.0
_POLL_SECONDS = 0.5


def left_behind(deployment: Deployment) -> bool:
    """Tell whether an engine left something, or works still."""
    file = deployment.stack_file()
    return bool(_lock_files(deployment) or _is_cut_off(file) or pending_operations(file))


def recover(deployment: Deployment, step: Step) -> None:
    """Clear what a killed engine left.

    Raises BusyError when another engine still works on the stack, DeploymentError when the engine refuses or
    the state is lost.
    """
    _wait_for_others(deployment, step)
    _mend(deployment.stack_file())
    if _lock_files(deployment):
        deployment.run("cancel", "--yes")
    pending = pending_operations(deployment.stack_file())
    if pending:
        step.update(f"reading what an interrupted update made of {len(pending)} resources")
        deployment.run("refresh", "--yes", "--skip-preview", "--clear-pending-creates")


def _mend(stack_file: Path) -> None:
    """Put the state before it in place of one that is cut off; what that one forgot is made again, as above.

    Raises DeploymentError when there is none.
    """
    if not _is_cut_off(stack_file):
        return
    before = stack_file.with_name(f"{stack_file.name}.bak")
    if not before.exists() or _is_cut_off(before):
        raise DeploymentError(
            f"The stack's state, {stack_file}, was cut off when the engine was killed, and {before.name} "
            "beside it does not help. `make down` removes the local stack; `make up` then begins anew."
        )
    fresh = stack_file.with_name(f"{stack_file.name}.new")
    fresh.write_bytes(before.read_bytes())
    fresh.replace(stack_file)


def _is_cut_off(stack_file: Path) -> bool:
    if not stack_file.exists():
        return False
    try:
        json.loads(stack_file.read_bytes())
    except ValueError:
        return True
    return False


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
