"""Cloud-to-device messages: a queue a device, at-least-once delivery, feedback.

"Understand cloud-to-device messaging" (learn.microsoft.com/azure/iot-hub/iot-hub-devguide-messages-c2d): at
most 50 wait for a device, 64 KB each; the time to live is the message's or the hub's; a device that speaks
MQTT completes by PUBACK and can neither reject nor abandon; the delivery count counts abandonments; a lock
lasts a minute. Feedback is kept for `feedback.ttlAsIso8601` of the hub and given to the service in batches of
at most 64.

Documents: kind "c2d", key "{hub host}/{device id}/{sequence}"; kind "feedback", key "{hub host}/{sequence}".
"""

import base64
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from localcloud.azure.hub.durations import duration
from localcloud.azure.hub.errors import HubError
from localcloud.azure.hub.quotas import QUEUE_DEPTH
from localcloud.clock import Clock
from localcloud.store import Store

LARGEST_BODY_BYTES = 64 * 1024
LONGEST_LIFE = timedelta(days=2)
LOCK = timedelta(minutes=1)
FEEDBACK_BATCH = 64
ACKS = ("none", "positive", "negative", "full")
_WANTS = {"Success": ("positive", "full")}
_NEGATIVE = ("negative", "full")


@dataclass(frozen=True, slots=True)
class Message:
    """A message on its way. `properties` are the application's, `system` the settable system properties."""

    key: str
    body: bytes
    properties: dict[str, str]
    system: dict[str, str]
    lock: str = ""
    sequence: int = 0
    deliveries: int = 0


class Devices(Protocol):
    """What the queues ask of the registry."""

    def get_device(self, host: str, device_id: str) -> dict[str, Any]:
        """The identity. HubError 404."""

    def set_message_count(self, host: str, device_id: str, count: int) -> None:
        """How many messages wait for the device."""

    def hub(self, host: str) -> dict[str, Any] | None:
        """The hub's ARM document."""


class Messages:
    """The queues of all devices of all hubs. Listeners `on_queued(host, device_id)` hear of a new message."""

    def __init__(self, store: Store, clock: Clock, devices: Devices) -> None:
        self._store = store
        self._clock = clock
        self._devices = devices
        self.on_queued: list[Callable[[str, str], None]] = []

    def send(self, host: str, device_id: str, body: bytes, sent: dict[str, Any]) -> str:
        """Queue a message; gives its id. `sent` may have messageId, correlationId, contentType,
        contentEncoding, userId, expiryTimeUtc (a time), ack and properties. HubError 403 when 50 wait, 413
        for a large body.
        """
        device = self._devices.get_device(host, device_id)
        if len(body) > LARGEST_BODY_BYTES:
            raise HubError(
                413, "MessageTooLarge", f"{len(body)} bytes; at most {LARGEST_BODY_BYTES} are allowed"
            )
        waiting = self._living(host, device_id)
        if len(waiting) >= QUEUE_DEPTH:
            text = f"{QUEUE_DEPTH} messages wait for device '{device_id}' already"
            raise HubError(403, "DeviceMaximumQueueDepthExceeded", text)
        now = self._clock.now()
        message_id = sent.get("messageId") or str(uuid.uuid4())
        sequence = self._next(host, device_id)
        document = {
            "body": base64.b64encode(body).decode(),
            "properties": sent.get("properties") or {},
            "system": {**_system(sent), "messageId": message_id},
            "ack": sent.get("ack") or "none",
            "enqueued": now.isoformat(),
            "expires": (sent.get("expiryTimeUtc") or now + self._lifetime(host)).isoformat(),
            "deliveries": 0,
            "generationId": device["generationId"],
        }
        self._store.put("c2d", _key(host, device_id, sequence), document)
        self._devices.set_message_count(host, device_id, len(waiting) + 1)
        for listener in self.on_queued:
            listener(host, device_id)
        return str(message_id)

    def waiting(self, host: str, device_id: str) -> list[Message]:
        """All messages for a device, oldest first; expired ones are gone."""
        return [_message(key, it) for key, it in self._living(host, device_id)]

    def receive(self, host: str, device_id: str) -> Message | None:
        """Lock and give the oldest message that is not locked: the HTTPS way."""
        now = self._clock.now()
        for key, document in self._living(host, device_id):
            if _time(document.get("locked_until")) <= now:
                document["locked_until"] = (now + LOCK).isoformat()
                document["lock"] = uuid.uuid4().hex
                self._store.put("c2d", key, document)
                return _message(key, document)
        return None

    def complete(self, host: str, device_id: str, message: Message) -> None:
        """The device has it: the message goes; feedback if it was asked for."""
        self._end(host, device_id, message.key, "Success")

    def settle(self, host: str, device_id: str, lock: str, how: str) -> None:
        """Complete, reject or abandon by lock token. HubError 412 when the lock is lost."""
        now = self._clock.now()
        for key, document in self._living(host, device_id):
            if document.get("lock") == lock and _time(document.get("locked_until")) > now:
                self._settle(host, device_id, key, document, how)
                return
        raise HubError(412, "DeviceMessageLockLost", "The lock token fits no locked message of this device.")

    def purge(self, host: str, device_id: str) -> int:
        """Drop all messages of a device; gives how many."""
        self._devices.get_device(host, device_id)
        found = self._living(host, device_id)
        for key, _ in found:
            self._end(host, device_id, key, "Purged")
        return len(found)

    def forget(self, host: str, device_id: str) -> None:
        """The device is gone, and with it its messages and pending feedback."""
        for kind, prefix in (("c2d", _key(host, device_id)), ("feedback", f"{host.lower()}/")):
            for key, document in self._store.list(kind, prefix):
                if kind == "c2d" or document["record"]["deviceId"] == device_id:
                    self._store.delete(kind, key)

    def feedback(self, host: str) -> tuple[str, list[dict[str, Any]]]:
        """A lock token and a batch of feedback, empty when there is none."""
        now = self._clock.now()
        free = [(key, it) for key, it in self._kept_feedback(host) if _time(it.get("locked_until")) <= now]
        lock = uuid.uuid4().hex
        settings = self._settings(host).get("feedback") or {}
        until = now + duration(settings.get("lockDurationAsIso8601"), LOCK)
        batch = free[:FEEDBACK_BATCH]
        for key, document in batch:
            self._store.put("feedback", key, {**document, "lock": lock, "locked_until": until.isoformat()})
        return lock, [document["record"] for _, document in batch]

    def settle_feedback(self, host: str, lock: str, how: str) -> None:
        """Complete or abandon a batch. HubError 412 when the lock is lost."""
        now = self._clock.now()
        held = [
            (key, it)
            for key, it in self._kept_feedback(host)
            if it.get("lock") == lock and _time(it.get("locked_until")) > now
        ]
        if not held:
            raise HubError(412, "DeviceMessageLockLost", "The lock token fits no feedback that is locked.")
        for key, document in held:
            if how == "complete":
                self._store.delete("feedback", key)
            else:
                self._store.put("feedback", key, {**document, "lock": "", "locked_until": None})

    def _settle(self, host: str, device_id: str, key: str, document: dict[str, Any], how: str) -> None:
        if how != "abandon":
            self._end(host, device_id, key, "Success" if how == "complete" else "Rejected")
            return
        document["deliveries"] += 1
        document["locked_until"] = None
        if document["deliveries"] >= int(self._settings(host).get("maxDeliveryCount") or 10):
            self._end(host, device_id, key, "DeliveryCountExceeded")
        else:
            self._store.put("c2d", key, document)

    def _living(self, host: str, device_id: str) -> list[tuple[str, dict[str, Any]]]:
        now = self._clock.now()
        found = self._store.list("c2d", _key(host, device_id))
        for key, document in found:
            if _time(document["expires"]) <= now:
                self._end(host, device_id, key, "Expired")
        return [(key, it) for key, it in found if _time(it["expires"]) > now]

    def _end(self, host: str, device_id: str, key: str, outcome: str) -> None:
        document = self._store.get("c2d", key)
        if document is None:
            return
        self._store.delete("c2d", key)
        left = len(self._store.list("c2d", _key(host, device_id)))
        self._devices.set_message_count(host, device_id, left)
        if document["ack"] in _WANTS.get(outcome, _NEGATIVE):
            record = {
                "originalMessageId": document["system"]["messageId"],
                "enqueuedTimeUtc": self._clock.text(),
                "statusCode": outcome,
                "description": outcome,
                "deviceId": device_id,
                "deviceGenerationId": document["generationId"],
            }
            kept = {"record": record, "since": self._clock.now().isoformat()}
            self._store.put("feedback", f"{host.lower()}/{self._clock.text()}/{uuid.uuid4().hex}", kept)

    def _kept_feedback(self, host: str) -> list[tuple[str, dict[str, Any]]]:
        settings = self._settings(host).get("feedback") or {}
        oldest = self._clock.now() - duration(settings.get("ttlAsIso8601"), timedelta(hours=1))
        found = self._store.list("feedback", f"{host.lower()}/")
        for key, document in found:
            if _time(document["since"]) < oldest:
                self._store.delete("feedback", key)
        return [(key, it) for key, it in found if _time(it["since"]) >= oldest]

    def _next(self, host: str, device_id: str) -> int:
        """Sequence numbers of a device never come twice, whatever was purged."""
        counter = self._store.get("c2d-sequence", f"{host.lower()}/{device_id}") or {"next": 1}
        self._store.put("c2d-sequence", f"{host.lower()}/{device_id}", {"next": counter["next"] + 1})
        return int(counter["next"])

    def _lifetime(self, host: str) -> timedelta:
        return duration(self._settings(host).get("defaultTtlAsIso8601"), timedelta(hours=1))

    def _settings(self, host: str) -> dict[str, Any]:
        hub = self._devices.hub(host) or {}
        return dict((hub.get("properties") or {}).get("cloudToDevice") or {})


def _key(host: str, device_id: str, sequence: int | None = None) -> str:
    return f"{host.lower()}/{device_id}/" + ("" if sequence is None else f"{sequence:012d}")


def _system(sent: dict[str, Any]) -> dict[str, str]:
    names = ("correlationId", "userId", "contentType", "contentEncoding")
    return {name: str(sent[name]) for name in names if sent.get(name)}


def _message(key: str, document: dict[str, Any]) -> Message:
    return Message(
        key=key,
        body=base64.b64decode(document["body"]),
        properties=document["properties"],
        system={**document["system"], "expiryTimeUtc": document["expires"], "ack": document["ack"]},
        lock=document.get("lock", ""),
        sequence=int(key.rpartition("/")[2]),
        deliveries=document["deliveries"],
    )


def _time(text: str | None) -> datetime:
    return datetime.fromisoformat(text or "0001-01-01T00:00:00+00:00")
