"""How far a command is: a bar for a person, nothing where nobody looks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TimeRemainingColumn


@contextmanager
def shown(what: str) -> Iterator[Callable[[int, int], None]]:
    """Gives what is to be told: how many are done, of how many."""
    if not sys.stderr.isatty():
        yield lambda done, total: None  # noqa: ARG005  nobody looks
        return
    columns = (
        what,
        BarColumn(),
        MofNCompleteColumn(),
        TaskProgressColumn(show_speed=True),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
