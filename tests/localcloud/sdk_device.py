"""A device on an official SDK, in a process of its own: JSON lines out, words in."""

import json
import subprocess
import sys
from typing import Any, Self


class SdkDevice:
    """A Python program that prints what it sees; killed at the end of the `with`."""

    def __init__(self, *arguments: str, errors: int | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )

    def hear(self) -> Any:
        assert self.process.stdout is not None
        told = json.loads(self.process.stdout.readline())
        print(told)  # noqa: T201 - pytest shows it when the test fails
        return told

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
