"""Starts processes that outlive the command, and finds them again later.

A process is known by its id and the time it was created, never by its name: an id alone may belong to another
process by now (after a kill -9, a crash, or a restart of the machine).
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

#: Two readings of one process's creation time may differ by rounding; a reused id differs by far more.
_SAME_START_SECONDS = 1.0
_GRACE_SECONDS = 8.0
#: Those that this very command started: only their parent can collect their exit codes.
_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Record:
    """What a pid file holds: whose process, started with what, and where its log began then."""

    pid: int
    created: float
    arguments: tuple[str, ...]
    told: dict[str, str]
    log_offset: int


def start(
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    folder: Path,
    log: Path,
    pid_file: Path,
    told: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, which Ctrl-C here does not end; write its pid file.

    `told` is what else decides whether it still is the right process later: it stands in the pid file, so it
    must not be secret.
    """
    arguments = tuple(map(str, command))
    with log.open("ab") as out:
        offset = out.tell()
        process = subprocess.Popen(
            arguments,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _CHILDREN[process.pid] = process
    created = psutil.Process(process.pid).create_time()
    record = {
        "pid": process.pid,
        "created": created,
        "arguments": arguments,
        "told": dict(told or {}),
        "log_offset": offset,
    }
    whole = pid_file.with_suffix(".new")
    whole.write_text(json.dumps(record))
    whole.replace(pid_file)
    return process


def read(pid_file: Path) -> Record | None:
    """Read a pid file; None when there is none."""
    if not pid_file.exists():
        return None
    known = json.loads(pid_file.read_text())
    return Record(
        known["pid"], known["created"], tuple(known["arguments"]), known["told"], known["log_offset"]
    )


def running(pid_file: Path) -> psutil.Process | None:
    """Return the process of a pid file when that very process still runs."""
    record = read(pid_file)
    return find(record.pid, record.created) if record else None


def find(pid: int, created: float) -> psutil.Process | None:
    """Return the process with this id if it was created then and has not ended."""
    _collect(pid)
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - created) < _SAME_START_SECONDS
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def _collect(pid: int) -> None:
    """Take the exit code of a child that has ended."""
    child = _CHILDREN.get(pid)
    if child is not None and child.poll() is not None:
        del _CHILDREN[pid]


def stop(pid_files: Sequence[Path], grace_seconds: float = _GRACE_SECONDS) -> int:
    """End every process, by force after the grace time; returns how many ran. Removes the pid files."""
    processes = [process for process in map(running, pid_files) if process is not None]
    for process in processes:
        _end(process, kill=False)
    _, still = psutil.wait_procs(processes, timeout=grace_seconds)
    for process in still:
        _end(process, kill=True)
    psutil.wait_procs(still, timeout=grace_seconds)
    for process in processes:
        _collect(process.pid)
    for pid_file in pid_files:
        pid_file.unlink(missing_ok=True)
    return len(processes)


def _end(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return  # it ended by itself just now
