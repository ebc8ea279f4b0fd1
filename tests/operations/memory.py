"""A cloud in memory: documents that tests may edit, ETags that count, a hand that can strike at any call."""

from __future__ import annotations

import base64
import itertools
import secrets
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from operations.cloud import Document
from provider.clients.errors import StaleError

SERVICE = "fleet.azure-devices-provisioning.net"
HUB = "one.azure-devices.net"
OTHER_HUB = "two.azure-devices.net"
KEY = base64.b64encode(secrets.token_bytes(32)).decode()


class Killed(BaseException):
    """As `kill -9` would: nothing catches it."""


@dataclass
class MemoryCloud:
    """A `Cloud`. `before` is called with the name of every call that changes something."""

    enrollments: dict[str, Document] = field(default_factory=dict)
    groups: dict[str, Document] = field(default_factory=dict)
    states: dict[str, Document] = field(default_factory=dict)
    devices: dict[tuple[str, str], Document] = field(default_factory=dict)
    hubs: tuple[str, ...] = (HUB, OTHER_HUB)
    service_host: str = SERVICE
    calls: list[str] = field(default_factory=list)
    before: Callable[[str], None] = lambda _: None
    after: Callable[[str], None] = lambda _: None
    slept: float = 0.0
    _etags: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def enrollment(self, registration_id: str) -> Document | None:
        return deepcopy(self.enrollments.get(registration_id.lower()))

    def add_enrollment(self, document: Document) -> str | None:
        self._begin("add enrollment")
        name = document["registrationId"].lower()
        if name in self.enrollments:
            return "exists already (409000)"
        self.enrollments[name] = self.versioned(document)
        self.after("add enrollment")
        return None

    def put_enrollment(self, registration_id: str, document: Document, etag: str) -> Document:
        self._begin("put enrollment")
        name = registration_id.lower()
        _match(self.enrollments[name], etag)
        self.enrollments[name] = self.versioned(document)
        self.after("put enrollment")
        return deepcopy(self.enrollments[name])

    def remove_enrollment(self, registration_id: str, etag: str) -> None:
        self._begin("remove enrollment")
        _match(self.enrollments[registration_id.lower()], etag)
        del self.enrollments[registration_id.lower()]
        self.after("remove enrollment")

    def group(self, group_id: str) -> Document | None:
        return deepcopy(self.groups.get(group_id))

    def registration(self, registration_id: str) -> Document | None:
        return deepcopy(self.states.get(registration_id.lower()))

    def registrations(self, group_id: str) -> Iterator[Document]:
        yield from (deepcopy(state) for state in self.states.values() if state.get("group") == group_id)

    def identity(self, hub: str, device_id: str) -> Document | None:
        return deepcopy(self.devices.get((hub, device_id)))

    def put_identity(self, hub: str, device_id: str, document: Document, etag: str) -> Document:
        self._begin("put identity")
        _match(self.devices[hub, device_id], etag)
        self.devices[hub, device_id] = self.versioned(document)
        self.after("put identity")
        return deepcopy(self.devices[hub, device_id])

    def twins(self, hub: str) -> Iterator[Document]:
        for (host, _), device in self.devices.items():
            if host == hub:
                prints = device["authentication"].get("x509Thumbprint")
                yield {"deviceId": device["deviceId"], "status": device["status"], "x509Thumbprint": prints}

    def count(self, hub: str) -> int:
        return sum(host == hub for host, _ in self.devices)

    def wait(self, seconds: float, waiting_for: str) -> None:
        assert waiting_for
        self.slept += seconds
        self.after("wait")

    # What tests do

    def versioned(self, document: Document) -> Document:
        return {**deepcopy(document), "etag": f"e{next(self._etags)}"}

    def register(
        self, name: str, hub: str = HUB, thumbprint: str = "", device_id: str = "", group: str = "reefers"
    ) -> None:
        """A device of a group, registered in a hub."""
        device_id = device_id or name
        self.states[name.lower()] = {
            "registrationId": name,
            "status": "assigned",
            "assignedHub": hub,
            "deviceId": device_id,
            "group": group,
        }
        authentication: dict[str, Any] = {"type": "sas", "symmetricKey": {"primaryKey": KEY}}
        if thumbprint:
            prints = {"primaryThumbprint": thumbprint, "secondaryThumbprint": None}
            authentication = {"type": "selfSigned", "x509Thumbprint": prints}
        self.devices[hub, device_id] = self.versioned(
            {
                "deviceId": device_id,
                "status": "enabled",
                "statusReason": None,
                "authentication": authentication,
            }
        )

    def enroll(self, name: str, **more: Any) -> None:
        """An individual enrollment."""
        document = {
            "registrationId": name,
            "attestation": {"type": "symmetricKey", "symmetricKey": {"primaryKey": KEY}},
            "provisioningStatus": "enabled",
            "createdDateTimeUtc": "2026-11-22T12:00:00Z",
            "registrationState": {"status": "assigned"},
            **more,
        }
        self.enrollments[name.lower()] = self.versioned(document)

    def may(self, name: str) -> tuple[bool, list[str]]:
        """Whether a device of a group may register, and the hubs that let it in."""
        own = self.enrollments.get(name.lower())
        registers = own is None or own["provisioningStatus"] == "enabled"
        device_id = self.states.get(name.lower(), {}).get("deviceId", name)
        hubs = [
            hub for (hub, key), it in self.devices.items() if key == device_id and it["status"] == "enabled"
        ]
        return registers, hubs

    def _begin(self, call: str) -> None:
        self.calls.append(call)
        self.before(call)


def _match(document: Document, etag: str) -> None:
    if document["etag"] != etag:
        raise StaleError("answered 412: the ETag is not the newest", 412, "412000", "")
