"""A thing's shadow as the twin that `agent.twin` knows. No IO.

A shadow has one version for desired and reported together, so a device's own report moves it on; and a delta
comes again with each report as long as anything desired is not reported. So changes are read from
`update/documents` (before and after, whole): only what changed in desired since it was last told of is passed
on, as a merge patch that names its version and the one it follows. AWS: "Device Shadow MQTT topics",
"Device Shadow service documents".
"""

import threading
from collections.abc import Mapping
from typing import Any

from agent.twin import AFTER, Json

_VERSION = "$version"


def twin(state: Mapping[str, Any] | None, version: int) -> Json:
    """A shadow's state as a hub would return the twin; None: there is no shadow yet."""
    held = state or {}
    return {
        "desired": {**(held.get("desired") or {}), _VERSION: version},
        "reported": dict(held.get("reported") or {}),
    }


def patch(before: Mapping[str, Any], after: Mapping[str, Any]) -> Json:
    """The JSON merge patch (RFC 7396) that makes `after` of `before`."""
    result: Json = {key: None for key in before if key not in after}
    for key, value in after.items():
        held = before.get(key)
        if isinstance(value, Mapping) and isinstance(held, Mapping):
            below = patch(held, value)
            if below:
                result[key] = below
        elif key not in before or held != value:
            result[key] = value
    return result


class Desired:
    """What was last told of the desired state, and what came since; for several threads.

    Between a read and the first report nothing is told: whoever reads has not taken the answer in yet.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: tuple[Json, int] | None = None
        self._newest: tuple[Json, int] | None = None
        self._holds_back = True

    def read(self, state: Mapping[str, Any] | None, version: int) -> Json:
        """Take the answer to a read; gives the twin."""
        with self._lock:
            self._told = dict((state or {}).get("desired") or {}), version
            self._holds_back = True
        return twin(state, version)

    def changed(self, state: Mapping[str, Any] | None, version: int) -> Json | None:
        """Take the shadow as it is after a change; gives the patch to tell, if there is something to tell."""
        with self._lock:
            if self._newest is None or version > self._newest[1]:
                self._newest = dict((state or {}).get("desired") or {}), version
            return None if self._holds_back else self._tell()

    def settled(self) -> Json | None:
        """The read was taken in; gives what came meanwhile, as `changed` does."""
        with self._lock:
            self._holds_back = False
            return self._tell()

    def _tell(self) -> Json | None:
        if self._told is None or self._newest is None or self._newest[1] <= self._told[1]:
            return None
        difference = patch(self._told[0], self._newest[0])
        if not difference:
            return None
        after, self._told = self._told[1], self._newest
        return {**difference, _VERSION: self._newest[1], AFTER: after}
