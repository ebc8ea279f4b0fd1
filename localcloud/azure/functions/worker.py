"""One function app's process, as its asker sees it."""

import asyncio
import base64
import contextlib
import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.azure.functions import child

START_SECONDS = 30.0
LARGEST_LINE_BYTES = 32 * 1024 * 1024


class WorkerError(Exception):
    """The process or its function failed; says how, for the log."""


@dataclass(frozen=True)
class Function:
    """An HTTP-triggered function. `methods` empty: any. `level` is anonymous, function or admin."""

    name: str
    route: str
    methods: tuple[str, ...]
    level: str


class Worker:
    """A running app. Made by `start`."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path, functions: list[Function]) -> None:
        self.functions = functions
        self._process = process
        self._folder = folder
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._last = 0
        self._reading = asyncio.get_running_loop().create_task(self._read())

    @classmethod
    async def start(cls, folder: Path, settings: Mapping[str, str], log: Path) -> "Worker":
        """Run what lies in `folder`; only `settings` are its environment. Raises WorkerError."""
        command = [sys.executable, "-I", "-B", child.__file__, str(folder)]
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=folder,
                env=dict(settings),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=file,
                limit=LARGEST_LINE_BYTES,
                start_new_session=True,
            )
        try:
            return cls(process, folder, await _greeting(process))
        except BaseException:
            await _end(process)
            raise

    @property
    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self._process.returncode is None and not self._reading.done()

    async def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """A function's answer. Raises WorkerError; TimeoutError, and then the process is gone."""
        assert self._process.stdin is not None
        self._last += 1
        number = self._last
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._process.stdin.write(json.dumps({**request, "id": number}).encode() + b"\n")
            async with asyncio.timeout(seconds):
                answer = await future
        except TimeoutError:
            await self.stop()
            raise
        except ConnectionError as error:
            raise WorkerError("the function app's process has ended") from error
        finally:
            self._waiting.pop(number, None)
        if "error" in answer:
            raise WorkerError(str(answer["error"]))
        return {**answer, "body": base64.b64decode(answer["body"])}

    async def stop(self) -> None:
        """End the process, and all it started, at once."""
        self._reading.cancel()
        await _end(self._process)
        self._fail("the function app was stopped")
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            answer = json.loads(line)
            future = self._waiting.get(answer["id"])
            if future is not None and not future.done():
                future.set_result(answer)
        self._fail("the function app's process has ended")

    def _fail(self, words: str) -> None:
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(WorkerError(words))


async def _greeting(process: asyncio.subprocess.Process) -> list[Function]:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
    except TimeoutError as error:
        raise WorkerError(f"function_app.py was not loaded within {START_SECONDS:.0f} s") from error
    if not line:
        raise WorkerError("the process ended while it loaded function_app.py")
    greeting: dict[str, Any] = json.loads(line)
    if "error" in greeting:
        raise WorkerError(str(greeting["error"]))
    return [
        Function(it["name"], it["route"], tuple(it["methods"]), it["level"]) for it in greeting["functions"]
    ]


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, 9)
    await process.wait()
