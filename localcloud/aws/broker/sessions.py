"""Sessions: subscriptions, and messages of QoS 1 on their way. A persistent one outlives its connection.

Source: "MQTT persistent sessions" (AWS IoT developer guide). A session ends an hour after its connection, or
sooner if the client of MQTT 5 wishes. Subscriptions survive a restart of the local cloud (kind
"aws-mqtt-session", by client id), waiting messages do not. How many may wait AWS does not say; here the
newest 1,000. A message that comes again has no DUP flag.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Protocol

from localcloud.aws.broker.limits import MOST_UNACKNOWLEDGED
from localcloud.aws.place import Place
from localcloud.mqtt.subscriptions import Subscriptions

KIND = "aws-mqtt-session"
LONGEST_SECONDS = 3600
MOST_WAITING = 1000


@dataclass(frozen=True, slots=True)
class Posted:
    """A message on its way to subscribers.

    `client_id` and `principal` are the sender's, as rules see them.
    """

    topic: str
    payload: bytes
    qos: int = 1
    client_id: str = "N/A"
    principal: str = "N/A"
    properties: bytes = b""


class Line(Protocol):
    """A connection, as its session needs it."""

    window: int

    def may_receive(self, topic: str) -> bool:
        """Whether policies let the client have it."""

    def send(self, message: Posted, done: Callable[[], None] | None) -> None:
        """Send; at QoS 1 with `done`, which is called when it is acknowledged."""


class Session:
    """One client's. `line` is there while it is connected."""

    def __init__(self, client_id: str, filters: dict[str, int] | None = None) -> None:
        self.client_id = client_id
        self.filters = filters or {}
        self.line: Line | None = None
        self.seconds = 0.0
        self.ends: float | None = None
        self._waiting: deque[Posted] = deque(maxlen=MOST_WAITING)
        self._sent: dict[int, Posted] = {}
        self._numbers = count()

    def take(self, message: Posted, qos: int) -> None:
        """A message for it: at QoS 1 now or later, at QoS 0 now or never."""
        if qos:
            self._waiting.append(message)
            self.pump()
        elif self.line is not None and self.line.may_receive(message.topic):
            self.line.send(message, None)

    def pump(self) -> None:
        """Send what waits, as much as the client takes unacknowledged."""
        while self.line and self._waiting and len(self._sent) < min(self.line.window, MOST_UNACKNOWLEDGED):
            message = self._waiting.popleft()
            if self.line.may_receive(message.topic):
                number = next(self._numbers)
                self._sent[number] = message
                self.line.send(message, partial(self._acknowledged, number))

    def cut(self) -> None:
        """The connection is gone: what was not acknowledged waits again."""
        self.line = None
        self._waiting.extendleft(reversed(self._sent.values()))
        self._sent.clear()

    def _acknowledged(self, number: int) -> None:
        self._sent.pop(number, None)
        self.pump()


class Sessions:
    """All of them, by client id and by topic."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._known: dict[str, Session] = {}
        self._subscriptions: Subscriptions[Session] = Subscriptions()
        for client_id, kept in place.store.list(KIND):
            self._add(Session(client_id, kept["filters"]), kept["seconds"], kept["ends"])

    def open(self, client_id: str, *, clean: bool, seconds: float) -> tuple[Session, bool]:
        """The session of a client that connects, and whether it is one of before; it lasts so long after."""
        known = self._known.get(client_id)
        if known is not None and (clean or self._is_over(known)):
            self.end(known)
            known = None
        session = known or Session(client_id)
        self._known[client_id] = session
        session.seconds, session.ends = min(seconds, LONGEST_SECONDS), None
        if session.seconds:
            self._keep(session)
        else:
            self._place.store.delete(KIND, client_id)
        return session, known is not None

    def subscribe(self, session: Session, topic_filter: str, qos: int) -> None:
        """Add a filter."""
        session.filters[topic_filter] = qos
        self._subscriptions.add(topic_filter, session, qos)
        self._keep(session)

    def unsubscribe(self, session: Session, topic_filter: str) -> None:
        """Take a filter back."""
        session.filters.pop(topic_filter, None)
        self._subscriptions.remove(topic_filter, session)
        self._keep(session)

    def of(self, topic: str) -> dict[Session, int]:
        """Whose filters take the topic, with the QoS."""
        return self._subscriptions.of(topic)

    def find(self, client_id: str) -> Session | None:
        """The session of a client, connected or not."""
        return self._known.get(client_id)

    def leave(self, session: Session) -> None:
        """The client has disconnected."""
        session.cut()
        if not session.seconds:
            self.end(session)
            return
        session.ends = self._place.now() + session.seconds
        self._keep(session)

    def end(self, session: Session) -> None:
        """Forget it."""
        for topic_filter in session.filters:
            self._subscriptions.remove(topic_filter, session)
        if self._known.get(session.client_id) is session:
            del self._known[session.client_id]
            self._place.store.delete(KIND, session.client_id)

    def tidy(self) -> None:
        """Forget those whose time is over; call it now and then."""
        for session in [it for it in self._known.values() if self._is_over(it)]:
            self.end(session)

    def _is_over(self, session: Session) -> bool:
        return session.ends is not None and session.ends <= self._place.now()

    def _add(self, session: Session, seconds: float, ends: float | None) -> None:
        """One of before a restart; if that was sudden, it counts as disconnected from now on."""
        self._known[session.client_id] = session
        session.seconds, session.ends = seconds, ends or self._place.now() + seconds
        for topic_filter, qos in session.filters.items():
            self._subscriptions.add(topic_filter, session, qos)

    def _keep(self, session: Session) -> None:
        if session.seconds:
            kept = {"filters": session.filters, "seconds": session.seconds, "ends": session.ends}
            self._place.store.put(KIND, session.client_id, kept)
