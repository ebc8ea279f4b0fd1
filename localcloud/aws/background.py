"""Work that nobody waits for: rules' actions, hooks of provisioning."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

LOG = logging.getLogger("localcloud.aws")


class Background:
    """Runs coroutines to their end. A defect in one is logged, and is none of the others' business."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run it."""
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)

    async def settle(self) -> None:
        """Wait until nothing runs, what was started meanwhile included."""
        while self._running:
            await asyncio.wait(self._running)

    async def stop(self) -> None:
        """End what still runs."""
        for task in self._running:
            task.cancel()
        await self.settle()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            LOG.error("defect in background work", exc_info=task.exception())
