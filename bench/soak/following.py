"""A device's twin on one connection: read it whole, follow its changes, report each version."""

import json
from typing import Any

from bench import wire
from bench.soak.ledger import Ledger
from bench.soak.telemetry import ANSWER_SECONDS, NEVER

PATCHES, ANSWERS = "$iothub/twin/PATCH/properties/desired/", "$iothub/twin/res/"
NUMBER = "soak"
"""The desired property that the operator counts up, and the reported one that says which version holds."""
_READ, _REPORT = "$iothub/twin/GET/?$rid={}", "$iothub/twin/PATCH/properties/reported/?$rid={}"
_PUBLISH = 0x30
_AGAIN_SECONDS = 1.0


class Twin:
    """`due` is when something is to be asked, `patience` until when its answer is waited for."""

    def __init__(self, session: wire.Session, ledger: Ledger, now: float) -> None:
        self.due = now
        self.patience = NEVER
        self._session = session
        self._ledger = ledger
        self._known = False
        self._requests = 0
        self._reporting = 0

    def act(self, now: float) -> None:
        """Read or report; one request at a time."""
        if self.due > now or self.patience != NEVER:
            return
        self._requests += 1
        self._reporting = self._ledger.version if self._known else 0
        topic = (_REPORT if self._known else _READ).format(self._requests)
        payload = json.dumps({NUMBER: self._reporting}).encode() if self._known else b""
        self._session.send(_PUBLISH, wire.text(topic) + payload)
        self.due, self.patience = NEVER, now + ANSWER_SECONDS

    def take(self, topic: str, payload: bytes, now: float) -> None:
        """A change of the desired properties, or an answer."""
        if topic.startswith(PATCHES):
            self._changed(json.loads(payload), now)
        elif topic.startswith(ANSWERS):
            status, _, rest = topic.removeprefix(ANSWERS).partition("/?$rid=")
            if rest.partition("&")[0] == str(self._requests):
                self._answered(status, payload, now)

    @property
    def is_settled(self) -> bool:
        """Whether the version that the device has is reported, and nothing is under way."""
        return self._known and self._ledger.reported == self._ledger.version and self.due == NEVER

    def _changed(self, patch: dict[str, Any], now: float) -> None:
        version = int(patch["$version"])
        if not self._known or version <= self._ledger.version:
            return  # the whole twin that is asked for holds it, or it is known
        if version == self._ledger.version + 1:
            self._ledger.see(version, int(patch[NUMBER]))
        else:
            self._known = False
        self.due = now

    def _answered(self, status: str, payload: bytes, now: float) -> None:
        self.patience = NEVER
        if status == "200":
            desired = json.loads(payload)["desired"]
            self._known = True
            self._ledger.see(int(desired["$version"]), int(desired.get(NUMBER, 0)))
            self.due = now
        elif status == "204":
            self._ledger.reported = self._reporting
        else:
            self._ledger.failures[f"twin request: {status}"] += 1
            self.due = now + _AGAIN_SECONDS
