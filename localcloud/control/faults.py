"""Faults that a test asks for: which one hits a request, a message or an answer. No IO.

`match` is a glob (fnmatch) on "METHOD /path" as it arrived, without the query, or on an MQTT topic; a CONNECT
is "CONNECT {client id}". `host` is a glob too; DPS devices' host is the global one. Case does not matter.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from localcloud.control.bodies import BadControlError, Fields

SURFACES, ACTIONS, STAGES = ("https", "mqtt"), ("drop", "delay", "reset", "status"), ("request", "answer")
MOST_FAULTS = 100
LONGEST_DELAY_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to what matches: to every `every`th, `times` times in all (None: always).

    `stage` "request": the service never sees it; "answer": it does its work, and the answer suffers.
    """

    surface: str
    action: str
    host: str = "*"
    match: str = "*"
    stage: str = "request"
    status: int = 500
    delay_seconds: float = 0.0
    times: int | None = None
    every: int = 1

    def fits(self, surface: str, stage: str, host: str, what: str) -> bool:
        """Whether it is about this."""
        if (surface, stage) != (self.surface, self.stage):
            return False
        return _glob(host, self.host) and _glob(what, self.match)


@dataclass(slots=True)
class _Armed:
    fault: Fault
    matched: int = 0
    hits: int = 0

    def takes(self) -> bool:
        """Count a match; whether the fault hits it."""
        self.matched += 1
        used_up = self.fault.times is not None and self.hits >= self.fault.times
        hit = not used_up and self.matched % self.fault.every == 0
        self.hits += hit
        return hit


@dataclass(slots=True)
class Faults:
    """The faults in force, asked in their order; the first that hits counts."""

    armed: list[_Armed] = field(default_factory=list)

    def set(self, faults: Iterable[Fault]) -> None:
        """In place of those before; counting starts anew."""
        self.armed = [_Armed(it) for it in faults]

    def hit(self, surface: str, stage: str, host: str, what: str) -> Fault | None:
        """The fault that this suffers."""
        for it in self.armed:
            if it.fault.fits(surface, stage, host, what) and it.takes():
                return it.fault
        return None

    def shown(self) -> list[dict[str, Any]]:
        """As the control surface lists them, with what they did so far."""
        return [{**_written(it.fault), "matched": it.matched, "hits": it.hits} for it in self.armed]


def read_faults(body: Mapping[str, Any]) -> list[Fault]:
    """{"faults": [...]}. Raises BadControlError with all that is wrong."""
    fields = Fields(body)
    listed = fields.objects("faults")
    if len(listed) > MOST_FAULTS:
        fields.faults.append(f"faults must be at most {MOST_FAULTS}.")
    made = []
    for index, it in enumerate(listed):
        try:
            made.append(_read(it, f"faults[{index}]."))
        except BadControlError as bad:
            fields.faults += bad.faults
    fields.done()
    return made


def _read(body: Mapping[str, Any], where: str) -> Fault:
    fields = Fields(body, where)
    fault = Fault(
        surface=fields.choice("surface", SURFACES),
        action=fields.choice("action", ACTIONS),
        host=fields.text("host", "*"),
        match=fields.text("match", "*"),
        stage=fields.choice("stage", STAGES, "request"),
        status=fields.integer("status", 1, 599, 500),
        delay_seconds=fields.number("delaySeconds", 0),
        times=fields.optional_integer("times", 1, 10**9),
        every=fields.integer("every", 1, 10**9, 1),
    )
    fields.faults += [f"{where}{it}" for it in _contradictions(fault)]
    fields.done()
    return fault


def _contradictions(fault: Fault) -> Iterable[str]:
    if fault.delay_seconds > LONGEST_DELAY_SECONDS:
        yield f"delaySeconds must be at most {LONGEST_DELAY_SECONDS:.0f}."
    if (fault.action == "delay") != (fault.delay_seconds > 0):
        yield "delaySeconds belongs to action delay, and must be more than 0 there."
    if fault.action == "status" and fault.surface == "https" and fault.status < 400:
        yield "status must be 400 to 599 on https."
    if fault.action == "status" and fault.surface == "mqtt" and fault.stage == "answer":
        yield "action status on mqtt is for requests only: an answer has its status."


def _written(fault: Fault) -> dict[str, Any]:
    return {
        "surface": fault.surface,
        "host": fault.host,
        "match": fault.match,
        "stage": fault.stage,
        "action": fault.action,
        "status": fault.status,
        "delaySeconds": fault.delay_seconds,
        "times": fault.times,
        "every": fault.every,
    }


def _glob(text: str, pattern: str) -> bool:
    return pattern == "*" or fnmatchcase(text.lower(), pattern.lower())
