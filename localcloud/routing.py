"""Which service a host's requests go to, and what faults and limits do to them on the way. No HTTP here."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from localcloud.calls import Answer, Call, Service
from localcloud.control.faults import Fault
from localcloud.control.switches import Switches

LOOPBACK_HOSTS = ("127.0.0.1", "localhost")


class Lost(Exception):  # noqa: N818 - what happens, not a fault of this program
    """The answer is not to be sent; `action` says how it gets lost."""

    def __init__(self, action: str) -> None:
        super().__init__(action)
        self.action = action


class Routing:
    """Services by host, by zone ("*.azure-devices.net"), or by all that is below ("**.amazonaws.com")."""

    def __init__(self, services: Mapping[str, Service], switches: Switches) -> None:
        self._services = dict(services)
        self._switches = switches
        self._unknown = NoService()

    def add(self, services: Mapping[str, Service]) -> None:
        """More hosts."""
        self._services.update(services)

    def service(self, host: str) -> Service:
        """Who answers for a host."""
        zone = "*." + host.partition(".")[2]
        return self._services.get(host) or self._services.get(zone) or self._below(host)

    def _below(self, host: str) -> Service:
        parts = host.split(".")
        zones = ("**." + ".".join(parts[start:]) for start in range(1, len(parts)))
        return next((self._services[it] for it in zones if it in self._services), self._unknown)

    async def ask(self, service: Service, call: Call) -> Answer:
        """The answer, with the faults and limits that are switched on. Raises Lost."""
        if self._switches.active and call.host not in LOOPBACK_HOSTS:
            return await self._disturbed(service, call)
        return await _answered(service, call)

    async def _disturbed(self, service: Service, call: Call) -> Answer:
        instead = await self._suffered("request", service, call)
        seconds = 0 if instead else self._switches.call_waits(call)
        if seconds:
            return _with(service.fault(429, "Too many requests: a published limit is reached."), seconds)
        answer = instead or await _answered(service, call)
        return await self._suffered("answer", service, call) or answer

    async def _suffered(self, stage: str, service: Service, call: Call) -> Answer | None:
        """What a fault puts in place of the answer. Raises Lost."""
        fault = self._fault(stage, call)
        if fault is None:
            return None
        if fault.action == "delay":
            await asyncio.sleep(fault.delay_seconds)
            return None
        if fault.action == "status":
            answer = service.fault(fault.status, "A fault that was switched on at /_local/faults.")
            return _with(answer, 1) if fault.status in (429, 503) else answer
        raise Lost(fault.action)

    def _fault(self, stage: str, call: Call) -> Fault | None:
        return self._switches.faults.hit("https", stage, call.host, f"{call.method} {call.path}")


class NoService:
    """A host that is none of the local cloud's; the shape of the error is ARM's."""

    def answer(self, call: Call) -> Answer:
        """404."""
        return self.fault(404, f"The local cloud serves no host '{call.host}'.")

    def fault(self, status: int, message: str) -> Answer:
        """An error."""
        return Answer(status, {"error": {"code": "HostNotFound", "message": message}})


async def _answered(service: Service, call: Call) -> Answer:
    given = service.answer(call)
    return given if isinstance(given, Answer) else await given


def _with(answer: Answer, retry_after_seconds: int) -> Answer:
    return replace(answer, headers={**answer.headers, "Retry-After": str(retry_after_seconds)})
