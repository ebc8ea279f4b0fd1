"""What one device did and saw. Only its own thread writes; the audit reads it at the end."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Ledger:
    """One device's records."""

    device: str
    hub: str = ""
    connections: int = 0
    enrolments: int = 0
    sent: int = 0
    """Telemetry packets that were written, repeats among them."""
    acknowledged: int = 0
    """Messages the hub acknowledged: ids 1 to this, each one before the next was sent."""
    attempts: int = 0
    """How often the message after that was sent so far."""
    seen: list[tuple[int, int]] = field(default_factory=list)
    """Desired properties as they came: version, and the number that the operator had written."""
    reported: int = 0
    """The last desired version whose report the hub acknowledged."""
    failures: Counter[str] = field(default_factory=Counter)
    """Why connections ended or did not come about, and what was answered otherwise."""

    def see(self, version: int, number: int) -> None:
        """The device was told its desired properties."""
        if not self.seen or self.seen[-1] != (version, number):
            self.seen.append((version, number))

    @property
    def version(self) -> int:
        """The desired version that the device has."""
        return self.seen[-1][0] if self.seen else 0
