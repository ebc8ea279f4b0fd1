"""AWS IoT's message broker: admits clients, and hands on what they publish.

A client is one connection: a newer one with the same client id closes the older ("AWS IoT Core message
broker", client id). A certificate that stops being active loses its connections: AWS says "within a few
minutes", here at once. A client of MQTT 3.1.1 that is refused sees the connection close without a CONNACK,
as with AWS (awscrt: AWS_ERROR_MQTT_UNEXPECTED_HANGUP); one of MQTT 5 gets "not authorized".
"""

import logging
from collections import defaultdict
from typing import Protocol

from localcloud.aws.background import Background
from localcloud.aws.broker import limits
from localcloud.aws.broker.admission import Admission, NotAdmitted
from localcloud.aws.broker.connection import Connection
from localcloud.aws.broker.exchange import Exchange
from localcloud.aws.broker.permissions import Permissions, Principal
from localcloud.aws.broker.presence import Presence
from localcloud.aws.broker.sessions import LONGEST_SECONDS, Posted, Sessions
from localcloud.aws.iot.certificates import Certificate
from localcloud.aws.roles import Roles
from localcloud.aws.world import World
from localcloud.counters import Counters
from localcloud.mqtt import packets, packets5
from localcloud.mqtt.packets import Connect
from localcloud.mqtt.seats import Seats, TooManyTakeovers
from localcloud.mqtt.session import Channel, ConnectRefused, Peer

LOG = logging.getLogger("localcloud.aws.broker")
COUNTED = "aws"


class ReservedTopics(Protocol):
    """Requests of devices on reserved topics: shadows, provisioning, jobs, …"""

    def handle(self, connection: Connection | None, message: Posted) -> bool:
        """Answer; False when the topic is none of these.

        `connection` None: a rule, or a caller over HTTPS.
        """


class Broker:
    """Everyone who is connected. `reserved` are asked in turn about topics that start with `$aws/`."""

    def __init__(self, world: World, roles: Roles, counters: Counters, background: Background) -> None:
        self._counters = counters
        self._place = world.place
        self._certificates = world.certificates
        self._history = world.defender.history
        self.permissions = Permissions(world)
        self.sessions = Sessions(world.place)
        self.exchange = Exchange(self.sessions)
        self.presence = Presence(world.place, self.exchange)
        self.admission = Admission(world, self.exchange, roles, background)
        self.admission.count = self._count
        self.reserved: list[ReservedTopics] = []
        self._seats: Seats[Connection] = Seats(world.place.clock.monotonic)
        self._of_certificate: defaultdict[str, set[Connection]] = defaultdict(set)
        world.certificates.on_change(self._certificate_changed)

    def accept(self, connect: Connect, peer: Peer, channel: Channel) -> Connection:
        """Decide on a CONNECT. Raises ConnectRefused."""
        try:
            principal = self.admission.admit(peer)
            self._check(connect, principal)
        except NotAdmitted as refused:
            raise self._refused(connect, refused.reason) from refused
        connection = Connection(self, principal, connect, channel)
        older = self._seats.holder(connect.client_id)
        try:
            self._seats.take(connect.client_id, connection)
        except TooManyTakeovers as error:
            self._count("too-many-takeovers")
            raise ConnectRefused(packets.UNAVAILABLE, str(error)) from error
        if older is not None:
            principals = [it.principal.certificate.id for it in (older, connection)]
            self._history.clashed(connect.client_id, principals)
        self._begin(connection, connect)
        return connection

    def allow(self, principal: Principal, client_id: str, action: str, resource: str) -> bool:
        """Whether policies allow it."""
        return self.permissions.allow(principal, client_id, action, resource)

    def post(self, connection: Connection, message: Posted) -> bool:
        """Hand on a client's message; a reserved topic's to whom it is for."""
        self._counters.add(f"{COUNTED}/messages/{connection.client_id}")
        return self._handled(connection, message)

    def publish(self, message: Posted) -> bool:
        """Hand on a message of a rule, or of a caller over HTTPS; False when its topic takes none."""
        return self._handled(None, message)

    def subscribe(self, connection: Connection, topic_filter: str, qos: int) -> None:
        """Add a filter to the client's session."""
        self.sessions.subscribe(connection.session, topic_filter, qos)
        self.presence.subscribed(connection.seen, topic_filter)

    def unsubscribe(self, connection: Connection, topic_filter: str) -> None:
        """Take one back."""
        self.sessions.unsubscribe(connection.session, topic_filter)
        self.presence.unsubscribed(connection.seen, topic_filter)

    def qos_of(self, connection: Connection, topic: str) -> int | None:
        """The QoS of the client's subscription to a topic; None when it has none."""
        return self.sessions.of(topic).get(connection.session)

    def gone(self, connection: Connection, reason: str) -> None:
        """The connection has ended: its will is published, unless the client said goodbye."""
        self._of_certificate[connection.principal.certificate.id].discard(connection)
        self._seats.leave(connection.client_id, connection)
        if connection.session.line is connection:
            self.sessions.leave(connection.session)
        self.presence.disconnected(connection.seen, reason)
        will = connection.will
        if will is not None and connection.may("Publish", f"topic/{will.topic}"):
            self.post(connection, connection.posted(will))

    def certificate(self, arn: str) -> Certificate | None:
        """The certificate with this ARN, when it is one's."""
        identity = self._certificates.identity(arn)
        return None if identity is None else self._certificates.by_fingerprint(identity)

    def find(self, client_id: str) -> Connection | None:
        """Who is connected as this client."""
        return self._seats.holder(client_id)

    def tidy(self) -> None:
        """What has to happen now and then."""
        self.sessions.tidy()
        self._seats.forget_quiet()

    def _handled(self, connection: Connection | None, message: Posted) -> bool:
        if message.topic.startswith(limits.RESERVED):
            return any(it.handle(connection, message) for it in self.reserved)
        self.exchange.post(message)
        return True

    def _check(self, connect: Connect, principal: Principal) -> None:
        """Client id, will, and the permission to connect. Raises NotAdmitted."""
        if limits.client_id_fault(connect.client_id):
            raise NotAdmitted("client-id-invalid")
        will = connect.will
        if will is not None and (set("+#") & set(will.topic) or limits.topic_fault(will.topic)):
            raise NotAdmitted("will-invalid")
        if not self.allow(principal, connect.client_id, "iot:Connect", f"client/{connect.client_id}"):
            raise NotAdmitted("connect-not-allowed")

    def _begin(self, connection: Connection, connect: Connect) -> None:
        seconds = connect.expiry_seconds if connect.level == 5 else LONGEST_SECONDS
        if connect.level != 5 and connect.clean_session:
            seconds = 0
        session, present = self.sessions.open(connect.client_id, clean=connect.clean_session, seconds=seconds)
        connection.session, connection.session_present = session, present
        self._share(connection)
        session.line = connection
        self.presence.connected(connection.seen)
        session.pump()

    def _share(self, connection: Connection) -> None:
        """Count it with its certificate's other connections, which audits ask about."""
        identity = connection.principal.certificate.id
        self._of_certificate[identity].add(connection)
        clients = {it.client_id for it in self._of_certificate[identity]}
        if len(clients) > 1:
            self._history.shared(identity, sorted(clients))

    def _refused(self, connect: Connect, reason: str) -> ConnectRefused:
        self._count(reason)
        fields = {"clientId": connect.client_id[:128], "reason": reason}
        LOG.warning("connection refused", extra={"fields": fields})
        return ConnectRefused(packets.NOT_AUTHORIZED if connect.level == 5 else None, reason)

    def _count(self, reason: str) -> None:
        self._counters.add(f"{COUNTED}/refused/{reason}")

    def _certificate_changed(self, certificate: Certificate) -> None:
        if certificate.is_active:
            return
        for connection in list(self._of_certificate.pop(certificate.id, ())):
            words = f"the certificate is {certificate.status}"
            connection.end("AUTH_ERROR", words, packets5.ADMINISTRATIVE)
