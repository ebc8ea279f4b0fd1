"""A device's telemetry on one connection: one message at a time, each id sent until it is acknowledged."""

import json
import struct
from dataclasses import dataclass

from bench import wire
from bench.soak.ledger import Ledger

ANSWER_SECONDS = 10.0
NEVER = float("inf")
_AT_LEAST_ONCE, _DUPLICATE = 0x32, 0x08


@dataclass
class Telemetry:
    """`due` is when something is to be sent, `patience` until when an acknowledgement is waited for."""

    session: wire.Session
    ledger: Ledger
    every: float
    due: float
    patience: float = NEVER

    def act(self, now: float, *, quiet: bool) -> None:
        """Send the message whose turn it is; when it is quiet only one that was sent before."""
        if self.due > now or self.patience != NEVER:
            return
        ledger = self.ledger
        if quiet and not ledger.attempts:
            self.due = NEVER
            return
        number = ledger.acknowledged + 1
        topic = wire.text(f"devices/{ledger.device}/messages/events/%24.mid={number}")
        head = _AT_LEAST_ONCE | (_DUPLICATE if ledger.attempts else 0)
        ledger.sent += 1
        ledger.attempts += 1
        body = json.dumps({"id": number}).encode()
        self.session.send(head, topic + struct.pack("!H", _packet_id(number)) + body)
        self.due, self.patience = now + self.every, now + ANSWER_SECONDS

    def acknowledge(self, body: bytes) -> None:
        """A PUBACK came."""
        ledger = self.ledger
        if int.from_bytes(body, "big") == _packet_id(ledger.acknowledged + 1):
            ledger.acknowledged += 1
            ledger.attempts = 0
            self.patience = NEVER

    @property
    def is_settled(self) -> bool:
        """Whether every message that was sent is acknowledged."""
        return self.ledger.attempts == 0


def _packet_id(number: int) -> int:
    return number % 65535 + 1
