"""Registrations that wait for somebody: one at a time for each device, in memory.

After a restart none is left; the device then hears that its operation is unknown, and registers again.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from localcloud.azure.dps.records import new_operation_id


class _Running(NamedTuple):
    operation_id: str
    task: asyncio.Task[None]


class Operations:
    """What goes on, by service and registration id."""

    def __init__(self) -> None:
        self._running: dict[str, _Running] = {}

    def running(self, place: str) -> str | None:
        """The id of the operation under way."""
        found = self._running.get(place)
        return found.operation_id if found else None

    def start(self, place: str, work: Callable[[str], Coroutine[Any, Any, None]]) -> str:
        """Begin `work`, which gets the new operation's id, and give that id. Needs a running event loop."""
        operation_id = new_operation_id()
        task = asyncio.get_running_loop().create_task(work(operation_id))
        self._running[place] = _Running(operation_id, task)
        task.add_done_callback(lambda _: self._running.pop(place, None))
        return operation_id
