"""Events about things, when the account has them switched on: `$aws/events/thing/{name}/created` and so on.

Source: "Registry events" (AWS IoT developer guide). Served is the type THING; others may be switched on and
are not told.
"""

import uuid
from typing import Any

from localcloud.aws.broker.exchange import Exchange
from localcloud.aws.iot.events import Events
from localcloud.aws.place import Place
from localcloud.mqtt.payloads import write_object


class ThingEvents:
    """Tells them."""

    def __init__(self, place: Place, events: Events, exchange: Exchange) -> None:
        self._place = place
        self._events = events
        self._exchange = exchange

    def tell(self, operation: str, thing: dict[str, Any]) -> None:
        """CREATED, UPDATED or DELETED."""
        if not self._events.is_on("THING"):
            return
        told = {
            "eventType": "THING_EVENT",
            "eventId": uuid.uuid4().hex,
            "timestamp": int(self._place.now() * 1000),
            "operation": operation,
            "accountId": self._place.account,
            "thingId": thing["id"],
            "thingName": thing["name"],
            "versionNumber": thing["version"],
            "thingTypeName": thing["type"],
            "attributes": thing["attributes"],
        }
        self._exchange.tell(f"$aws/events/thing/{thing['name']}/{operation.lower()}", write_object(told))
