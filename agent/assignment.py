"""What DPS gives a device: its hub, and with a certificate request a certificate of some validity. No IO."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Validity:
    """From when until when a certificate holds (UTC)."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class Assignment:
    """A hub, the device's id in it, and the certificate that came along, if one was asked for."""

    hub: str
    device_id: str
    certificate: Validity | None = None
