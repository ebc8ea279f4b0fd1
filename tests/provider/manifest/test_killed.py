"""kill -9 in the middle of a run, again and again: nothing is sent twice, and nothing is missing."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.provider.manifest.memory import MemoryDps

KILLS = int(os.environ.get("MUSTER_TEST_KILLS", "20"))
ROWS = 500
SEED = int(os.environ.get("MUSTER_TEST_SEED", "2026"))


class LostError(Exception):
    """The connection goes away without an answer."""


@contextmanager
def served(dps: MemoryDps) -> Iterator[str]:
    class Front(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {key.lower(): value for key, value in self.headers.items()}
            path = self.path.partition("?")[0]
            try:
                answer = dps.answer(self.command, path, headers, json.loads(body) if body else {})
                self.send_response(answer.status_code)
                for key, value in answer.headers.items():
                    if key.startswith("x-ms"):
                        self.send_header(key, value)
                self.send_header("content-length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)
            except (LostError, OSError):
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:
            """A client that was killed is no news."""

    with Quiet(("127.0.0.1", 0), Front) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@dataclass
class Killer:
    """Kills the process at a bulk operation: before it is done (it is done late, or never), or after."""

    dice: random.Random
    process: int | None = None
    at: int = 0
    how: str = ""
    kills: list[str] = field(default_factory=list)

    def arm(self, process: int, bulks: int) -> None:
        self.how = self.dice.choice(["never done", "done late", "done", "any time"])
        self.at = bulks + self.dice.randint(1, 12)
        self.process = process
        if self.how == "any time":
            threading.Timer(self.dice.uniform(0.0, 0.3), self.kill).start()

    def before(self, number: int) -> None:
        if number == self.at and self.how in ("never done", "done late"):
            self.kill()
            if self.how == "never done":
                raise LostError
            time.sleep(0.05)

    def after(self, number: int) -> None:
        time.sleep(0.002)
        if number == self.at and self.how == "done":
            self.kill()

    def kill(self) -> None:
        process, self.process = self.process, None
        if process is not None:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
                self.kills.append(self.how)


@dataclass
class Runner:
    """Runs tasks in processes of their own."""

    dps: MemoryDps
    killer: Killer
    folder: Path
    server: subprocess.Popen[str]

    def run(self, task: dict[str, Any], kills: int) -> dict[str, Any]:
        """Run the task to its end, killing it that often on the way; the state that it leaves."""
        path, result = self.folder / "task.json", self.folder / "result.json"
        result.unlink(missing_ok=True)
        path.write_text(json.dumps({**task, "result": str(result)}))
        before = len(self.killer.kills)
        for _ in range(4 * kills + 4):
            if (ended := self._once(path, armed=len(self.killer.kills) - before < kills)) == 0:
                return dict(json.loads(result.read_text()))
            assert ended == -signal.SIGKILL
        pytest.fail("it never came to its end")

    def _once(self, task: Path, *, armed: bool) -> int:
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(f"{task}\n")
        self.server.stdin.flush()
        process = int(self.server.stdout.readline())
        if armed:
            self.killer.arm(process, self.dps.bulks)
        ended = int(self.server.stdout.readline())
        self.killer.process = None
        return ended


@pytest.fixture
def runner(dps: MemoryDps, tmp_path: Path) -> Iterator[Runner]:
    killer = Killer(random.Random(SEED))
    dps.before, dps.after = killer.before, killer.after
    command = [sys.executable, "-m", "tests.provider.manifest.child"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        yield Runner(dps, killer, tmp_path, server)


def settled(dps: MemoryDps, numbers: range) -> None:
    """Nothing is missing, nothing too much, nothing was done twice."""
    wanted = {f"fridge-{number}" for number in numbers}
    assert sorted(wanted - dps.ids())[:5] == []
    assert sorted(dps.ids() - wanted)[:5] == []
    assert sorted(dps.twice().items())[:5] == []


def test_nothing_is_sent_twice_and_nothing_is_missing(
    runner: Runner, dps: Any, write: Any, rows: Any, tmp_path: Path
) -> None:
    sites = {"tags.site": "oslo"}
    with served(dps) as base:
        task = {"base": base, "state": str(tmp_path / "state")}
        made = runner.run({**task, "inputs": write(rows(*range(ROWS), **sites))}, KILLS // 2)
        assert made["properties"]["accepted"] == ROWS
        settled(dps, range(ROWS))

        dps.applied.clear()
        text = rows(*range(40, ROWS + 100), **sites)
        for number in range(100, 300):
            text = text.replace(f"fridge-{number},oslo", f"fridge-{number},bergen")
        made = runner.run({**task, "known": made, "inputs": write(text)}, KILLS - KILLS // 2)
    assert made["properties"]["accepted"] == ROWS + 60
    settled(dps, range(40, ROWS + 100))
    assert Counter(mode for mode, _ in dps.applied) == {"delete": 40, "updateIfMatchETag": 200, "create": 100}
    moved = [
        name for name, each in dps.enrollments.items() if each["initialTwin"]["tags"]["site"] == "bergen"
    ]
    assert len(moved) == 200
    assert len(runner.killer.kills) >= KILLS // 2, "a run that ends before its kill does not count"


def test_a_cloud_that_goes_away_in_the_middle_is_asked_before_anything_is_repeated(
    handler: Any, life: Any, dps: Any, write: Any, rows: Any
) -> None:
    def lost_after(number: int) -> httpx.Response | None:
        if number in (2, 5):
            raise httpx.ReadError("the cloud was killed after it had done it")
        return httpx.Response(503) if number == 7 else None

    def lost_before(number: int) -> None:
        if number in (3, 9):
            raise httpx.ConnectError("the cloud is not there")
        if number == 4:
            raise httpx.ReadTimeout("the cloud was killed before it did it")

    dps.after, dps.before = lost_after, lost_before
    one = life(handler)
    one.create(write(rows(*range(120))))
    assert len(dps.ids()) == 120
    assert dps.twice() == {}
    assert one.properties["accepted"] == 120
