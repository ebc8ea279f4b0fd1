"""Processes are known by id and start time: found again, ended, never mistaken for another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from cli.local import processes

SLEEP = [sys.executable, "-c", "import time; print('awake', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('awake', flush=True); time.sleep(60)",
]


def start(folder: Path, command: list[str], name: str = "one") -> tuple[subprocess.Popen[bytes], Path]:
    pid_file, log = folder / f"{name}.pid", folder / f"{name}.log"
    offset = log.stat().st_size if log.exists() else 0
    process = processes.start(command, os.environ, folder, log, pid_file)
    deadline = time.monotonic() + 20
    while log.stat().st_size == offset and time.monotonic() < deadline:
        time.sleep(0.02)
    return process, pid_file


def test_a_process_outlives_its_terminal_is_found_again_and_stops(tmp_path: Path) -> None:
    process, pid_file = start(tmp_path, SLEEP)
    found = processes.running(pid_file)
    assert found is not None
    assert found.pid == process.pid
    assert os.getsid(process.pid) == process.pid
    assert processes.stop([pid_file]) == 1
    assert processes.running(pid_file) is None
    assert not pid_file.exists()
    process.wait()


def test_one_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    process, pid_file = start(tmp_path, STUBBORN)
    assert processes.stop([pid_file], grace_seconds=0.3) == 1
    assert not psutil.pid_exists(process.pid)
    process.wait()


def test_another_process_with_the_same_id_is_left_alone(tmp_path: Path) -> None:
    process, pid_file = start(tmp_path, SLEEP)
    record = json.loads(pid_file.read_text())
    pid_file.write_text(json.dumps(record | {"created": record["created"] - 3600}))
    assert processes.running(pid_file) is None
    assert processes.stop([pid_file]) == 0
    assert psutil.pid_exists(process.pid)
    process.kill()
    process.wait()


def test_one_that_was_killed_and_not_waited_for_does_not_run(tmp_path: Path) -> None:
    process, pid_file = start(tmp_path, SLEEP)
    process.kill()
    deadline = time.monotonic() + 5
    while processes.running(pid_file) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert processes.running(pid_file) is None
    process.wait()


def test_the_record_says_with_what_it_was_started_and_where_its_log_began(tmp_path: Path) -> None:
    (tmp_path / "one.log").write_text("of an earlier run\n")
    process, pid_file = start(tmp_path, SLEEP)
    record = processes.read(pid_file)
    assert record is not None
    assert record.arguments == tuple(SLEEP)
    assert record.log_offset == len("of an earlier run\n")
    assert (tmp_path / "one.log").read_text() == "of an earlier run\nawake\n"
    processes.stop([pid_file])
    process.wait()


@pytest.mark.parametrize("count", [0, 3])
def test_stopping_counts_what_ran(tmp_path: Path, count: int) -> None:
    started = [start(tmp_path, SLEEP, f"device-{number}") for number in range(count)]
    assert processes.stop([*(pid_file for _, pid_file in started), tmp_path / "never.pid"]) == count
    for process, _ in started:
        process.wait()
