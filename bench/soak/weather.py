"""The faults that come and go: one kind at a time, each for a while, over and over."""

import threading
from collections import Counter
from collections.abc import Sequence

from tests.localcloud.control.client import Control, Fault

_TELEMETRY = "devices/*/messages/events/*"
_READ, _REPORT = "$iothub/twin/GET/*", "$iothub/twin/PATCH/properties/reported/*"
_CHANGED = "$iothub/twin/PATCH/properties/desired/*"

WEATHERS: dict[str, Sequence[Fault]] = {
    "telemetry lost on the way": (
        Fault(surface="mqtt", match=_TELEMETRY, action="drop", every=50),
        Fault(surface="mqtt", match=_TELEMETRY, action="reset", every=37),
    ),
    "a slow hub": (
        Fault(surface="mqtt", match=_TELEMETRY, action="delay", delay_seconds=2.5, every=20),
        Fault(surface="mqtt", match=_READ, action="delay", delay_seconds=1.5, every=5),
        Fault(surface="mqtt", match="CONNECT *", action="delay", delay_seconds=2, every=5),
    ),
    "twin requests fail": (
        Fault(surface="mqtt", match=_REPORT, action="status", status=500, every=4),
        Fault(surface="mqtt", match=_READ, action="status", status=500, every=4),
        Fault(surface="mqtt", match="$iothub/twin/res/*", stage="answer", action="drop", every=40),
    ),
    "changes do not arrive": (
        Fault(surface="mqtt", match=_CHANGED, stage="answer", action="reset", every=6),
    ),
    "connections fail": (
        Fault(surface="mqtt", match=_TELEMETRY, action="reset", every=25),
        Fault(surface="mqtt", match="CONNECT *", action="status", status=3, every=3),
        Fault(surface="mqtt", match="CONNECT *", action="reset", every=4),
    ),
    "provisioning fails": (
        Fault(surface="mqtt", match="CONNECT *", action="status", status=3, host="*.azure-devices.net"),
        Fault(surface="mqtt", match="$dps/registrations/PUT/*", action="status", status=500, every=3),
        Fault(surface="mqtt", match="$dps/registrations/GET/*", action="reset", every=4),
        Fault(surface="mqtt", match="$dps/registrations/res/*", stage="answer", action="drop", every=5),
        Fault(surface="mqtt", match=_TELEMETRY, action="reset", every=60),
    ),
    "the service API fails": (
        Fault(surface="https", match="PATCH /twins/*", action="status", status=500, every=3),
        Fault(surface="https", match="PATCH /twins/*", action="reset", every=5),
        Fault(surface="https", match="PATCH /twins/*", stage="answer", action="reset", every=4),
        Fault(surface="https", match="PATCH /twins/*", action="delay", delay_seconds=1, every=7),
    ),
}
"""What strikes, by a name for the report. Nothing is dropped that TCP would not lose by itself: a change that
vanishes on a connection that lives on is no fault of a network."""


class Weather:
    """Changes the weather until it is told to stop; then it is fine."""

    def __init__(self, control: Control, every: float) -> None:
        self.struck: Counter[str] = Counter()
        """How often faults of each action and surface struck."""
        self._control = control
        self._every = every

    def run(self, stop: threading.Event) -> None:
        """One kind after the other."""
        while not stop.is_set():
            for faults in WEATHERS.values():
                self._control.set_faults(*faults)
                stopped = stop.wait(self._every)
                self._count(faults)
                if stopped:
                    break
        self._control.clear_faults()

    def _count(self, faults: Sequence[Fault]) -> None:
        for fault, hits in zip(faults, self._control.hits(), strict=True):
            self.struck[f"{fault.surface} {fault.action}"] += hits
