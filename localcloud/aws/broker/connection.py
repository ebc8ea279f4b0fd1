"""One connected client: every request is held against AWS' limits and the certificate's policies.

Source: "MQTT", "MQTT 5 supported features" and "AWS IoT Core policy actions" (AWS IoT developer guide). A
message that is too large, on a wrong topic, or not allowed ends the connection. Retained messages are not
served and end it too.
"""

import logging
from collections.abc import Callable
from typing import Protocol

from localcloud.aws.broker import limits
from localcloud.aws.broker.permissions import Principal
from localcloud.aws.broker.presence import Seen
from localcloud.aws.broker.sessions import Posted, Session
from localcloud.mqtt import packets, packets5
from localcloud.mqtt.packets import Connect, Publish
from localcloud.mqtt.session import Channel
from localcloud.mqtt.topics import is_filter

LOG = logging.getLogger("localcloud.aws.broker")
_SHARED = "$share/"


class Broker(Protocol):
    """What a connection needs of the broker that admitted it."""

    def allow(self, principal: Principal, client_id: str, action: str, resource: str) -> bool:
        """Whether policies allow it."""

    def post(self, connection: "Connection", message: Posted) -> bool:
        """Handle a message; False when its topic is reserved and takes none."""

    def subscribe(self, connection: "Connection", topic_filter: str, qos: int) -> None:
        """Add a filter to the client's session."""

    def unsubscribe(self, connection: "Connection", topic_filter: str) -> None:
        """Take one back."""

    def qos_of(self, connection: "Connection", topic: str) -> int | None:
        """The QoS of the client's subscription to a topic; None when it has none."""

    def gone(self, connection: "Connection", reason: str) -> None:
        """The connection has ended."""


class Connection:
    """Sits in its seat, so that a newer connection can close it; is its session's Line."""

    def __init__(self, broker: Broker, principal: Principal, connect: Connect, channel: Channel) -> None:
        self._broker = broker
        self._channel = channel
        self._is_5 = connect.level == 5
        self._ending = "CONNECTION_LOST"
        self.principal = principal
        self.client_id = connect.client_id
        self.will = connect.will
        self.window = connect.receive_maximum
        self.session = Session(connect.client_id)
        self.session_present = False
        self.seen = Seen(connect.client_id, principal.certificate.id)

    # Conversation

    def publish(self, message: Publish) -> None:
        """Check, and hand on."""
        fault = self._fault(message)
        if fault:
            self.end("CLIENT_ERROR", *fault)
            return
        if not self.may("Publish", f"topic/{message.topic}"):
            self.end("FORBIDDEN_ACCESS", f"may not publish to {message.topic}", packets5.NOT_AUTHORIZED)
            return
        if not self._broker.post(self, self.posted(message)):
            self.end("CLIENT_ERROR", f"{message.topic} is reserved", packets5.TOPIC_NAME_INVALID)

    def subscribe(self, topic_filter: str, qos: int) -> int:
        """Grant QoS 0 or 1, or refuse."""
        refusal = self._subscription_refusal(topic_filter)
        if refusal is not None:
            fields = {"clientId": self.client_id, "filter": topic_filter[:300]}
            LOG.warning("subscription refused", extra={"fields": fields})
            return refusal if self._is_5 else packets.SUBSCRIPTION_REFUSED
        self._broker.subscribe(self, topic_filter, min(qos, 1))
        return min(qos, 1)

    def unsubscribe(self, topic_filter: str) -> None:
        """Take a subscription back."""
        self._broker.unsubscribe(self, topic_filter)

    def left(self) -> None:
        """The client said goodbye: its will is void."""
        self._ending = "CLIENT_INITIATED_DISCONNECT"
        self.will = None

    def closed(self) -> None:
        """The connection is gone."""
        self._broker.gone(self, self._ending)

    # from the broker

    def close(self, reason: str) -> None:
        """A newer connection has this one's client id."""
        self.end("DUPLICATE_CLIENTID", reason, packets5.TAKEN_OVER)

    def end(self, ending: str, words: str, code: int) -> None:
        """End the connection; `ending` is for the event."""
        fields = {"clientId": self.client_id, "reason": ending, "words": words[:300]}
        LOG.warning("client disconnected", extra={"fields": fields})
        self._ending = ending
        self._channel.close(words, code)

    def may(self, action: str, resource: str) -> bool:
        """Whether policies allow it."""
        return self._broker.allow(self.principal, self.client_id, f"iot:{action}", resource)

    def posted(self, message: Publish) -> Posted:
        """A message of this client's."""
        return Posted(
            message.topic,
            message.payload,
            message.qos,
            self.client_id,
            self.principal.certificate.id,
            message.properties,
        )

    def answer(self, message: Posted) -> None:
        """The service's answer to a request of this connection alone, when it subscribed to it."""
        qos = self._broker.qos_of(self, message.topic)
        if qos is not None and self.session.line is self:
            self.session.take(message, qos)

    # Line

    def may_receive(self, topic: str) -> bool:
        """Whether policies let the client have a message."""
        return self.may("Receive", f"topic/{topic}")

    def send(self, message: Posted, done: Callable[[], None] | None) -> None:
        """Send it."""
        self._channel.publish(message.topic, message.payload, done, message.properties)

    def _fault(self, message: Publish) -> tuple[str, int] | None:
        if len(message.payload) > limits.LARGEST_PAYLOAD_BYTES:
            return f"a payload of {len(message.payload)} bytes", packets5.TOO_LARGE
        if message.retain:
            return "retained messages are not served by the local cloud", packets5.RETAIN_NOT_SUPPORTED
        fault = limits.topic_fault(message.topic)
        return None if fault is None else (fault, packets5.TOPIC_NAME_INVALID)

    def _subscription_refusal(self, topic_filter: str) -> int | None:
        if topic_filter.startswith(_SHARED):
            return packets5.SHARED_NOT_SUPPORTED
        if not is_filter(topic_filter) or limits.topic_fault(topic_filter):
            return packets5.TOPIC_FILTER_INVALID
        held = self.session.filters
        if topic_filter not in held and len(held) >= limits.MOST_SUBSCRIPTIONS:
            return packets5.QUOTA_EXCEEDED
        allowed = self.may("Subscribe", f"topicfilter/{topic_filter}")
        return None if allowed else packets.SUBSCRIPTION_REFUSED
