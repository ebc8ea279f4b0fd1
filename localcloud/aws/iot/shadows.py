"""Shadows of things, classic (name None) and named; what devices and services do to them.

Source: "Device Shadow MQTT topics" (AWS IoT developer guide); botocore iot-data 2015-05-28 for HTTPS.
Documents of kind "aws-shadow", key "{thing}/{shadow name, empty for the classic one}". A thing that is not
in the registry has no shadows: "Thing not found" is among the documented errors, when AWS answers it is not
said.
"""

import re
from collections.abc import Callable
from typing import Any, Protocol

from localcloud.aws.iot import shadow_documents as documents
from localcloud.aws.iot.shadow_documents import Json, Shadow, ShadowError, Update
from localcloud.aws.place import Place
from localcloud.mqtt.payloads import write_object

KIND = "aws-shadow"
CLASSIC = ""
NAME = re.compile(r"[$a-zA-Z0-9:_-]{1,64}")
Announce = Callable[[str, bytes], None]


class KnownThings(Protocol):
    """What shadows ask of the registry of things."""

    def get(self, name: str) -> Any:  # noqa: ANN401 - the registry's own; only whether it is there counts
        """The thing, or None."""


class Shadows:
    """All shadows. `announce` is told every message that the service publishes."""

    def __init__(self, place: Place, things: KnownThings) -> None:
        self._place = place
        self._things = things
        self.announce: list[Announce] = []

    def now(self) -> int:
        """The time as documents have it: seconds since 1970."""
        return int(self._place.now())

    def get(self, thing: str, name: str | None = None) -> Json:
        """The document, with its delta. Raises ShadowError."""
        shadow = self._existing(thing, name)
        return documents.document(shadow)

    def find(self, thing: str, name: str | None = None) -> Json | None:
        """The same; None when there is none."""
        try:
            return self.get(thing, name)
        except ShadowError:
            return None

    def update(self, thing: str, name: str | None, state: Json, client_token: str | None = None) -> Json:
        """Merge a state (`{"desired": {...}}`), by a service's own wish. Raises ShadowError."""
        return self.change(thing, name, Update(documents.checked(state), None, client_token))

    def change(self, thing: str, name: str | None, update: Update) -> Json:
        """Do what an update asks for; gives the answer, and tells delta and documents. Raises ShadowError."""
        before = self._shadow(thing, name)
        now = self.now()
        after = documents.updated(before, update, now)
        self._place.store.put(KIND, _key(thing, name), _stored(after))
        token = _token(update.client_token)
        base = topic(thing, name)
        differing, metadata = documents.delta(after)
        if differing:
            told = {"version": after.version, "timestamp": now, "state": differing, "metadata": metadata}
            self._announce(f"{base}/update/delta", {**told, **token})
        changed = {"previous": _part(before), "current": _part(after), "timestamp": now, **token}
        self._announce(f"{base}/update/documents", changed)
        return {**documents.accepted(after, update), **token}

    def delete(self, thing: str, name: str | None = None) -> Json:
        """Remove a shadow. Its version lives on: deleting "doesn't reset its version number to 0"."""
        before = self._existing(thing, name)
        self._place.store.put(KIND, _key(thing, name), _stored(Shadow.absent(before.version)))
        return {"version": before.version, "timestamp": self.now()}

    def forget(self, thing: str) -> None:
        """The thing has gone, and all of its shadows with it."""
        for key, _ in self._place.store.list(KIND, f"{thing}/"):
            self._place.store.delete(KIND, key)

    def names(self, thing: str) -> list[str]:
        """The named shadows of a thing."""
        self._check(thing, None)
        found = self._place.store.list(KIND, f"{thing}/")
        return [name for key, it in found if (name := key.partition("/")[2]) and _loaded(it).exists]

    def _existing(self, thing: str, name: str | None) -> Shadow:
        shadow = self._shadow(thing, name)
        if not shadow.exists:
            raise ShadowError(404, f"No shadow exists with name: '{name or thing}'")
        return shadow

    def _shadow(self, thing: str, name: str | None) -> Shadow:
        self._check(thing, name)
        kept = self._place.store.get(KIND, _key(thing, name))
        return _loaded(kept) if kept else Shadow.absent()

    def _check(self, thing: str, name: str | None) -> None:
        if self._things.get(thing) is None:
            raise ShadowError(404, "Thing not found")
        if name is not None and not NAME.fullmatch(name):
            raise ShadowError(400, "Invalid shadow name")

    def _announce(self, where: str, body: Json) -> None:
        for tell in self.announce:
            tell(where, write_object(body))


def topic(thing: str, name: str | None) -> str:
    """Where a shadow's messages are."""
    return f"$aws/things/{thing}/shadow" + (f"/name/{name}" if name else "")


def _key(thing: str, name: str | None) -> str:
    return f"{thing}/{name or CLASSIC}"


def _token(client_token: str | None) -> dict[str, str]:
    return {} if client_token is None else {"clientToken": client_token}


def _part(shadow: Shadow) -> Json:
    metadata = shadow.metadata if shadow.exists else {}
    return {"state": shadow.state, "metadata": metadata, "version": shadow.version}


def _stored(shadow: Shadow) -> Json:
    return {
        "state": shadow.state,
        "metadata": shadow.metadata,
        "version": shadow.version,
        "timestamp": shadow.timestamp,
    }


def _loaded(kept: Json) -> Shadow:
    return Shadow(kept["state"], kept["metadata"], kept["version"], kept["timestamp"])
