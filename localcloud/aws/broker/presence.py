"""Events about connections and subscriptions: `$aws/events/presence/…`, `$aws/events/subscriptions/…`.

Source: "Lifecycle events" (AWS IoT developer guide). A client id with `#` or `+` has none. When each client
was seen last is kept for the fleet index (kind "aws-connectivity", by client id).
"""

import uuid
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from localcloud.aws.broker.exchange import Exchange
from localcloud.aws.broker.permissions import SOURCE_ADDRESS
from localcloud.aws.place import Place
from localcloud.mqtt.payloads import write_object

_EVENTS = "$aws/events/"
_KIND = "aws-connectivity"


@dataclass(frozen=True)
class Seen:
    """A connection as its events tell of it."""

    client_id: str
    principal: str
    session: str = field(default_factory=lambda: str(uuid.uuid4()))


class Presence:
    """Tells the events."""

    def __init__(self, place: Place, exchange: Exchange) -> None:
        self._place = place
        self._exchange = exchange
        self._versions = count()
        self.restarted()

    def connectivity_of(self, client_id: str) -> dict[str, Any] | None:
        """`connected` and `timestamp`, as the fleet index has them; None for a client never seen."""
        return self._place.store.get(_KIND, client_id)

    def connected(self, seen: Seen) -> None:
        """A client was let in."""
        self._keep(seen, {"connected": True})
        self._tell(
            "presence", "connected", seen, ipAddress=SOURCE_ADDRESS, versionNumber=next(self._versions)
        )

    def disconnected(self, seen: Seen, reason: str) -> None:
        """It is gone; `reason` as the page lists them."""
        self._keep(seen, {"connected": False, "disconnectReason": reason})
        told = {
            "clientInitiatedDisconnect": reason == "CLIENT_INITIATED_DISCONNECT",
            "disconnectReason": reason,
            "versionNumber": next(self._versions),
        }
        self._tell("presence", "disconnected", seen, **told)

    def subscribed(self, seen: Seen, topic_filter: str) -> None:
        """It subscribed."""
        self._tell("subscriptions", "subscribed", seen, topics=[topic_filter])

    def unsubscribed(self, seen: Seen, topic_filter: str) -> None:
        """It unsubscribed."""
        self._tell("subscriptions", "unsubscribed", seen, topics=[topic_filter])

    def restarted(self) -> None:
        """Nobody is connected to a local cloud that starts."""
        for client_id, kept in self._place.store.list(_KIND):
            if kept["connected"]:
                gone = {**kept, "connected": False, "disconnectReason": "CONNECTION_LOST"}
                self._place.store.put(_KIND, client_id, gone)

    def _keep(self, seen: Seen, told: dict[str, Any]) -> None:
        now = int(self._place.now() * 1000)
        self._place.store.put(_KIND, seen.client_id, {**told, "timestamp": now})

    def _tell(self, kind: str, event: str, seen: Seen, **more: object) -> None:
        if "#" in seen.client_id or "+" in seen.client_id:
            return
        told = {
            "clientId": seen.client_id,
            "timestamp": int(self._place.now() * 1000),
            "eventType": event,
            "sessionIdentifier": seen.session,
            "principalIdentifier": seen.principal,
            **more,
        }
        self._exchange.tell(f"{_EVENTS}{kind}/{event}/{seen.client_id}", write_object(told))
