"""Shows a person how far a long command is: live lines in a terminal, plain ones anywhere else.

It writes to standard error, so that standard output holds the result alone. Rich honours NO_COLOR and
TERM=dumb.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

#: Without a terminal a step says how far it is at most this often.
_PLAIN_SECONDS = 10.0


class Step:
    """One step under way; tell it what happens, and at the end what came of it."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.outcome = ""

    def update(self, text: str, done: int = 0, total: int = 0) -> None:
        """Say what is being done; `done` of `total` when that is known."""

    def done(self, outcome: str) -> None:
        """Say in a few words what the step came to; shown when it ends."""
        self.outcome = outcome


class _LiveStep(Step):
    def __init__(self, title: str, progress: Progress) -> None:
        super().__init__(title)
        self._progress = progress
        self._task: TaskID = progress.add_task(title, total=None, count="")

    def update(self, text: str, done: int = 0, total: int = 0) -> None:
        count = f"{done} of {total}" if total else ""
        description = f"{self.title}: {text}"
        self._progress.update(
            self._task, description=description, completed=done, total=total or None, count=count
        )


class _PlainStep(Step):
    def __init__(self, title: str, console: Console) -> None:
        super().__init__(title)
        self._console = console
        self._next = time.monotonic() + _PLAIN_SECONDS

    def update(self, text: str, done: int = 0, total: int = 0) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _PLAIN_SECONDS
        count = f" ({done} of {total})" if total else ""
        self._console.print(f"  {self.title}: {text}{count}", markup=False, highlight=False)


class Reporter:
    """Runs steps one after another and shows them."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show a step while the block runs; one line with its outcome and time stays when it is done."""
        started = time.monotonic()
        if self.console.is_terminal and not self.console.is_dumb_terminal:
            with self._live() as progress:
                step: Step = _LiveStep(title, progress)
                yield step
        else:
            step = _PlainStep(title, self.console)
            yield step
        seconds = time.monotonic() - started
        self.console.print(_line(step, seconds), markup=False, highlight=False, soft_wrap=True)

    def _live(self) -> Progress:
        columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False))
        return Progress(
            *columns,
            BarColumn(),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
        )


def _line(step: Step, seconds: float) -> str:
    took = f" ({seconds:.1f} s)" if seconds >= 0.1 else ""
    return f"✓ {step.title}: {step.outcome or 'done'}{took}"
