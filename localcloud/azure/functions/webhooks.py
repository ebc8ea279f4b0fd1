"""How DPS calls a custom allocation's function: within the local cloud, and nowhere else.

Azure takes any public address. Here only function apps of this cloud are called, so that a registration never
leaves the machine; others are refused in words. DPS waits five seconds ("the webhook … must return a response
within 5 seconds", learn.microsoft.com/azure/iot-dps/concepts-custom-allocation).
"""

import asyncio
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from localcloud.azure.functions.packages import ZONE
from localcloud.calls import Answer, Call
from localcloud.routing import Lost, Routing

WEBHOOK_SECONDS = 5.0


class Webhooks:
    """Calls functions by URL."""

    def __init__(self, routing: Routing, seconds: float = WEBHOOK_SECONDS) -> None:
        self._routing = routing
        self._seconds = seconds

    async def __call__(self, url: str, body: dict[str, Any]) -> tuple[int, bytes]:
        """POST `body`; gives status and answer. Raises TimeoutError, and OSError for what is not reached."""
        call = _call(url, body)
        async with asyncio.timeout(self._seconds):
            answer = await self._answer(call)
        given = answer.body
        raw = given if isinstance(given, bytes) else b"" if given is None else json.dumps(given).encode()
        return answer.status, raw

    async def _answer(self, call: Call) -> Answer:
        try:
            return await self._routing.ask(self._routing.service(call.host), call)
        except Lost as lost:
            if lost.action == "drop":
                await asyncio.sleep(self._seconds * 2)
            raise ConnectionResetError("the connection to the webhook was reset") from lost


def _call(url: str, body: dict[str, Any]) -> Call:
    try:
        parts = urlsplit(url)
        port, host = parts.port or 443, (parts.hostname or "").lower()
    except ValueError as error:
        raise OSError("the webhook's address is no URL") from error
    if parts.scheme != "https" or port != 443 or parts.username is not None:
        raise OSError("the webhook's address is not https://{app}.azurewebsites.net/…")
    if not host.endswith(ZONE):
        raise OSError(f"the local cloud calls webhooks at *{ZONE} only, not at {host[:255]}")
    return Call(
        method="POST",
        host=host,
        path=parts.path or "/",
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers={"host": host, "content-type": "application/json; charset=utf-8"},
        raw=json.dumps(body).encode(),
    )
