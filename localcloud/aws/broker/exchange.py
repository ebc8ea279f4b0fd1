"""From whoever publishes to whoever subscribed, and to rules."""

from collections.abc import Callable

from localcloud.aws.broker.sessions import Posted, Sessions


class Exchange:
    """Hands messages on. `watchers` get every message, whoever sent it: the rules."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self.watchers: list[Callable[[Posted], None]] = []

    def post(self, message: Posted) -> None:
        """To all subscribers and watchers."""
        for session, qos in self._sessions.of(message.topic).items():
            session.take(message, min(qos, message.qos))
        for watch in self.watchers:
            watch(message)

    def tell(self, topic: str, payload: bytes) -> None:
        """A message of the service's own."""
        self.post(Posted(topic, payload))
