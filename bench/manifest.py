"""A manifest against the local cloud: rows a second, memory, and what two hundred kills leave.

Each run is a process of its own that holds what the provider's does. At full speed nothing paces it but the
service; with throttling on, the local cloud refuses what is above DPS' documented 1,000 operations a minute,
of ten rows each. For the kills a front counts what the service has done, so that no kill can lose a count."""

import hashlib
import json
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from bench.workspace import PROJECT, Workspace
from provider.clients.transport import http_client
from tests.localcloud.control.client import Control

ROWS = 1_000_000
THROTTLED_ROWS = 50_000
LIMIT_ROWS_A_SECOND = 1000 * 10 / 60
"""MicrosoftDocs/azure-docs, includes/iot-dps-limits.md of 2024-03-06; ten rows a bulk call (service.json)."""
KILLS = 200
KILLED_ROWS = 40_000
_PACE = "MUSTER_DPS_OPERATIONS_PER_MINUTE"
_FORWARDED = ("authorization", "content-type", "x-ms-max-item-count", "x-ms-continuation")


@dataclass(frozen=True)
class Run:
    """One run: its rows, the time it took, the most memory that its process had."""

    rows: int
    seconds: float
    megabytes: float

    @property
    def rows_a_second(self) -> float:
        """What counts against the limit."""
        return self.rows / self.seconds


@dataclass(frozen=True)
class Speed:
    """At full speed: made, unchanged, one row in a hundred changed. And made with throttling on."""

    made: Run
    unchanged: Run
    changed: Run
    throttled: Run
    refused: int
    """How many of the throttled run's calls were above the limit."""

    @property
    def share_of_limit(self) -> float:
        """Of what the documented limit allows."""
        return self.throttled.rows_a_second / LIMIT_ROWS_A_SECOND


@dataclass(frozen=True)
class Kills:
    """What was found after so many kills: nothing twice and nothing missing, it is to be hoped."""

    kills: int
    rows: int
    twice: list[str]
    missing: list[str]


def speed(workspace: Workspace, rows: int = ROWS, throttled_rows: int = THROTTLED_ROWS) -> Speed:
    """Measure the speed and the memory. The enrollments stay in the workspace's cloud, which goes with it."""
    bench = _Bench(workspace, "speed")
    made, state = bench.run(bench.file(rows))
    unchanged, state = bench.run(bench.file(rows), state)
    changed, _ = bench.run(bench.file(rows, changed_every=100), state)
    paced = _Bench(workspace, "paced", pace=1000)
    with Control(workspace.layout.cloud) as control:
        control.throttle(enabled=True)
        before = sum(control.refused().values())
        throttled, _ = paced.run(paced.file(throttled_rows))
        refused = sum(control.refused().values()) - before
    return Speed(made, unchanged, changed, throttled, refused)


def kills(workspace: Workspace, kills: int = KILLS, rows: int = KILLED_ROWS, seed: int = 2026) -> Kills:
    """Make a manifest while its process is killed again and again, at any time from its start on."""
    dice, bench = random.Random(seed), _Bench(workspace, "killed")  # noqa: S311 - no secret
    with _counting(workspace, bench.host) as (front, done):
        task = bench.task(bench.file(rows), through=front)
        killed = 0
        twice: list[str] = []
        while killed < kills:
            with bench.started(task) as process:
                time.sleep(dice.uniform(0.5, 3.0))
                process.send_signal(signal.SIGKILL)
            killed += process.returncode == -signal.SIGKILL
            if process.returncode == 0:  # it came to its end first: change it, and go on
                known = bench.outcome(task)
                task = bench.task(bench.file(rows, changed_every=1 + killed % 7), known, through=front)
                twice += _twice(done)
                done.clear()
        with bench.started(task) as process:
            pass
        bench.outcome(task)
        twice += _twice(done)
        missing = bench.missing(front, rows)
    return Kills(killed, rows, sorted(twice), missing)


class _Bench:
    def __init__(self, workspace: Workspace, name: str, pace: int = 0) -> None:
        self.name = name
        self.host = str(workspace.outputs()["dpsHost"])
        self.folder = workspace.root / f"manifest-{name}"
        self.folder.mkdir(exist_ok=True)
        state = {"MUSTER_STATE_DIR": str(self.folder / "state"), _PACE: str(pace)}
        self.environment = {**workspace.environment(), **state, "PYTHONPATH": str(PROJECT)}

    def file(self, rows: int, changed_every: int = 0) -> Path:
        """A file of so many devices, all of one site, but each so-manyth of another."""
        path = self.folder / f"{self.name}.csv"
        with path.open("w") as file:
            file.write("registration_id,tags.site,desired.interval\n")
            for number in range(rows):
                site = "bergen" if changed_every and number % changed_every == 0 else "oslo"
                file.write(f"{self.name}-{number:07},{site},{number % 60}\n")
        return path

    def task(self, file: Path, known: Mapping[str, Any] | None = None, **more: str) -> Path:
        with file.open("rb") as stream:
            content_hash = f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"
        inputs = {
            "serviceHost": self.host,
            "file": str(file),
            "contentHash": content_hash,
            "attestation": "symmetricKey",
            "iotHubs": [],
            "allowRemovals": True,
        }
        path = self.folder / "task.json"
        result = self.folder / "result.json"
        result.unlink(missing_ok=True)
        body = {"inputs": inputs, "result": str(result), **more, **({"known": known} if known else {})}
        path.write_text(json.dumps(body))
        return path

    @contextmanager
    def started(self, task: Path) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-m", "bench.manifest_run", str(task)]
        with subprocess.Popen(command, env=self.environment, cwd=self.folder) as process:
            yield process

    def outcome(self, task: Path) -> dict[str, Any]:
        result = Path(json.loads(task.read_text())["result"])
        if not result.exists():
            raise RuntimeError(f"the run of {task} failed; what it said stands above")
        return dict(json.loads(result.read_text()))

    def run(self, file: Path, known: Mapping[str, Any] | None = None) -> tuple[Run, dict[str, Any]]:
        task = self.task(file, known)
        with self.started(task):
            pass
        outcome = self.outcome(task)
        rows = int(outcome["properties"]["accepted"])
        return Run(rows, float(outcome["seconds"]), float(outcome["megabytes"])), outcome

    def missing(self, front: str, rows: int) -> list[str]:
        """Ids of the file that the service does not have."""
        found: set[str] = set()
        more: str | None = ""
        with httpx.Client(base_url=front) as http:
            while more is not None:
                page = http.get("/all", params={"after": more}, timeout=60).raise_for_status()
                found.update(each["registrationId"] for each in page.json())
                more = page.headers.get("x-ms-continuation")
        return sorted({f"{self.name}-{number:07}" for number in range(rows)} - found)


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that was killed is no news."""


@contextmanager
def _counting(workspace: Workspace, host: str) -> Iterator[tuple[str, Counter[tuple[str, str]]]]:
    """A front on loopback that passes calls on and counts, by mode and id, what the service says it did."""
    done: Counter[tuple[str, str]] = Counter()
    service = http_client(workspace.environment())
    lock = threading.Lock()
    token = {"value": ""}

    class Front(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path.startswith("/all"):
                self._all()
            else:
                self._passed_on()

        def do_POST(self) -> None:
            self._passed_on()

        def _passed_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name: self.headers[name] for name in _FORWARDED if name in self.headers}
            token["value"] = headers["authorization"]
            answer = service.request(
                self.command, f"https://{host}{self.path}", content=body, headers=headers
            )
            if self.path.startswith("/enrollments?") and answer.is_success:
                with lock:
                    done.update(_done(json.loads(body), answer.json()))
            self._answered(answer)

        def _all(self) -> None:
            after = httpx.URL(self.path).params["after"]
            headers = {"authorization": token["value"], "x-ms-max-item-count": "1000"}
            if after:
                headers["x-ms-continuation"] = after
            url = f"https://{host}/enrollments/query?api-version=2021-10-01"
            self._answered(service.post(url, json={"query": "SELECT * FROM enrollments"}, headers=headers))

        def _answered(self, answer: httpx.Response) -> None:
            self.send_response(answer.status_code)
            for name in ("retry-after", "x-ms-continuation", "content-type"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header("content-length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with service, _Quiet(("127.0.0.1", 0), Front) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}", done
        finally:
            server.shutdown()
            thread.join()


def _twice(done: Counter[tuple[str, str]]) -> list[str]:
    return [f"{mode} {key}" for (mode, key), times in done.items() if times > 1]


def _done(asked: Mapping[str, Any], said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    failed = {str(each["registrationId"]).lower() for each in said.get("errors") or ()}
    for each in asked["enrollments"]:
        if (key := str(each["registrationId"]).lower()) not in failed:
            yield str(asked["mode"]), key
