"""The device's half of its twin: take desired properties, apply the settings it knows, say what holds.

No IO. Desired properties arrive whole (after a connect) or as merge patches with a version; a patch that
repeats is dropped, and a gap in the versions asks for the whole twin again. Azure IoT Hub: "Understand and
use device twins". A shadow of AWS IoT counts its versions over reported properties too, so its patches say
which version they follow (`agent.aws.shadow`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from agent import VERSION

Json = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """A whole number the device takes from its desired properties."""

    default: int
    lowest: int
    highest: int

    def fault(self, value: object) -> str | None:
        """What is wrong with `value`, or None."""
        if isinstance(value, int) and not isinstance(value, bool) and self.lowest <= value <= self.highest:
            return None
        return f"must be a whole number from {self.lowest} to {self.highest}"


SETTINGS = {"intervalSeconds": Setting(default=60, lowest=1, highest=86_400)}
"""Desired properties that this device understands; it leaves the others alone."""

AFTER = "$after"
_REFUSED_KEY = "refusedSettings"


class Change(Enum):
    """What a desired-properties patch turned out to be."""

    APPLIED = "applied"
    REPEATED = "repeated"
    GAP = "gap"


class Twin:
    """Desired properties as last seen, and the settings in force; a wrong value leaves the last good one."""

    def __init__(self) -> None:
        self.version = 0
        self.settings = {name: setting.default for name, setting in SETTINGS.items()}
        self._desired: Json = {}
        self._refused: dict[str, str] = {}
        self._cloud_holds_refusals = False

    def read(self, document: Mapping[str, Any]) -> None:
        """Take a whole twin, as a hub returns it: `{"desired": {…, "$version": n}, "reported": {…}}`."""
        self._desired = dict(document.get("desired", {}))
        self._cloud_holds_refusals = _REFUSED_KEY in document.get("reported", {})
        self._settle()

    def change(self, patch: Mapping[str, Any]) -> Change:
        """Take a patch of desired properties; `$version` in it says where it belongs, `$after` (if it is not
        the version before) what it follows.
        """
        version = patch.get("$version")
        if not isinstance(version, int) or patch.get(AFTER, version - 1) > self.version:
            return Change.GAP
        if version <= self.version:
            return Change.REPEATED
        self._desired = merged(self._desired, {key: patch[key] for key in patch if key != AFTER})
        self._settle()
        return Change.APPLIED

    def report(self) -> Json:
        """The reported properties that say what holds on the device now."""
        report: Json = {"desiredVersion": self.version, "agent": {"version": VERSION}, **self.settings}
        if self._refused:
            report[_REFUSED_KEY] = dict(self._refused)
        elif self._cloud_holds_refusals:
            report[_REFUSED_KEY] = None
        self._cloud_holds_refusals = bool(self._refused)
        return report

    def _settle(self) -> None:
        version = self._desired.get("$version", 0)
        self.version = version if isinstance(version, int) else 0
        self._refused = {}
        for name, setting in SETTINGS.items():
            value = self._desired.get(name, setting.default)
            fault = setting.fault(value)
            if fault:
                self._refused[name] = fault
            else:
                self.settings[name] = value


def merged(document: Mapping[str, Any], patch: Mapping[str, Any]) -> Json:
    """`document` after a JSON merge patch (RFC 7396): null removes, an object merges, the rest replaces."""
    result = dict(document)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            below = result.get(key)
            result[key] = merged(below if isinstance(below, Mapping) else {}, value)
        else:
            result[key] = value
    return result
