"""Who a gateway's children are just now: asked of the hub, and again when somebody comes who is none."""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime

from agent.backoff import REFUSED, UNAVAILABLE
from agent.errors import CloudError, RefusedError, UnavailableError
from agent.gateway import scope
from agent.gateway.edge_hub import EdgeHub
from agent.gateway.scope import Admitted, Child, NotAdmittedError, Shown
from agent.log import JsonLog

REFRESH_SECONDS = 2.0
"""The hub is asked at most this often, whoever comes; who comes earlier waits."""


class Children:
    """The children of one gateway in one hub. `now` is the wall clock. For one event loop."""

    def __init__(self, edge_hub: EdgeHub, now: Callable[[], datetime], log: JsonLog) -> None:
        self._edge_hub = edge_hub
        self._now = now
        self._log = log
        self._known: dict[str, Child] | None = None
        self._asked_at = 0.0
        self._asking = asyncio.Lock()

    async def prepare(self) -> None:
        """Get the right to speak for children, and their list, however long that takes."""
        failures = 0
        while True:
            try:
                await asyncio.to_thread(self._edge_hub.register)
                await self._ask()
            except CloudError as error:
                backoff = REFUSED if isinstance(error, RefusedError) else UNAVAILABLE
                seconds = backoff.delay(failures, random.SystemRandom().random)
                failures += 1
                told = {"reason": str(error), "inSeconds": round(seconds, 3)}
                self._log.write("gateway-unready", "warning", **told)
                await asyncio.sleep(seconds)
            else:
                return

    async def admit(self, subject: str, shown: Shown) -> Admitted:
        """Let a child in; one that is refused by an old list, by a new one. Raises NotAdmittedError,
        UnavailableError.
        """
        if self._known is None:
            raise UnavailableError("the gateway does not know its children yet")
        try:
            return self._decide(subject, shown)
        except NotAdmittedError:
            await self.ask_again()
            return self._decide(subject, shown)

    def _decide(self, subject: str, shown: Shown) -> Admitted:
        child = (self._known or {}).get(subject)
        return scope.admit(child, shown, self._edge_hub.hub, self._now().timestamp())

    async def ask_again(self) -> None:
        """Have a list that is newer than this moment. Raises UnavailableError. When the hub refuses a child,
        this finds out whether it refuses the gateway.
        """
        clock = asyncio.get_running_loop().time
        came_at = clock()
        async with self._asking:
            if self._asked_at > came_at:
                return  # for another who came meanwhile
            await asyncio.sleep(max(0.0, self._asked_at + REFRESH_SECONDS - clock()))
            try:
                await self._ask()
            except RefusedError:
                await self._register_again()

    async def _register_again(self) -> None:
        """The hub does not know our key any more: it was given to another gateway of this name, or lost."""
        try:
            await asyncio.to_thread(self._edge_hub.register)
            await self._ask()
        except RefusedError as error:
            raise UnavailableError(f"the hub refuses the gateway: {error}") from error

    async def _ask(self) -> None:
        asked_at = asyncio.get_running_loop().time()
        self._known = await asyncio.to_thread(self._edge_hub.children)
        self._asked_at = asked_at
