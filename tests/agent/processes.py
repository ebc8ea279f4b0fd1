"""Device processes and what they log."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

PROJECT = Path(__file__).parents[2]
SECONDS = 40.0

MOVED = """
import os, sys, time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import agent.azure
import agent.renewal
import agent.runner
from agent.__main__ import main

moved = Path(sys.argv[1])
agent.azure.TOKEN_SECONDS = 124  # the SDK renews two minutes before the end
agent.runner.CLOCK_CHECK_SECONDS, agent.renewal.PAUSE_SECONDS = 0.1, 0.0


def now():
    return datetime.now(UTC) + timedelta(seconds=float(moved.read_text()))


code = main(sys.argv[2:], time.monotonic(), now)
sys.stdout.flush()
os._exit(code)
"""
"""A device with short tokens, whose wall clock is ahead by the seconds in a file and looked at often."""


class Device:
    """A device process and its log."""

    def __init__(
        self, arguments: list[str], environment: dict[str, str], log: Path, moved: Path | None = None
    ) -> None:
        self._log = log
        program = ["-m", "agent"] if moved is None else ["-c", MOVED, str(moved)]
        with log.open("wb") as out, log.with_suffix(".err").open("wb") as err:
            command = [sys.executable, *program, *arguments]
            self._process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=out, stderr=err)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    def text(self) -> str:
        return self._log.read_text()

    def events(self) -> list[str]:
        return [line["event"] for line in self.lines() if line["event"] != "sdk"]

    def wait(self, event: str, times: int = 1) -> dict[str, Any]:
        """The log line of an event's n-th time."""
        deadline = time.monotonic() + SECONDS
        while self.events().count(event) < times:
            assert time.monotonic() < deadline, f"no {event}: {self._log.read_text()}"
            assert self._process.poll() is None or event in self.events(), self._log.read_text()
            time.sleep(0.02)
        return [line for line in self.lines() if line["event"] == event][times - 1]

    def wait_until(self, what: Callable[[], bool]) -> None:
        """Until something is so that its log does not tell."""
        deadline = time.monotonic() + SECONDS
        while not what():
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.02)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self._process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        code = self._process.wait(SECONDS)
        assert self._log.with_suffix(".err").read_text() == ""
        return code

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(SECONDS)


class Start(Protocol):
    """Starts a device; without a folder and a key it gets an X.509 identity of its own."""

    def __call__(
        self,
        name: str = "reefer-1",
        *more: str,
        folder: Path | None = None,
        key: Path | None = None,
        scope: str | None = None,
        proxy: str | None = None,
        moved: Path | None = None,
    ) -> Device: ...
