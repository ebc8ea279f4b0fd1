"""A hub's device protocol over MQTT: who is admitted, and who is connected.

Topics: "Communicate with an IoT hub using the MQTT protocol" (learn.microsoft.com/azure/iot/
iot-mqtt-connect-to-iot-hub). Refusals are counted under "{hub host}/refused/{reason}", messages under "{hub
host}/telemetry/{device id}".
"""

import logging
from urllib.parse import unquote

from localcloud.azure.adr import Issuer
from localcloud.azure.hub.admission import Admission, Authorities, HubDirectory, NotAdmitted
from localcloud.azure.hub.authorities import HubAuthorities
from localcloud.azure.hub.conversation import Conversation
from localcloud.azure.hub.credentials import Credentials
from localcloud.azure.hub.meter import Meter
from localcloud.azure.hub.registry import HubRegistry
from localcloud.azure.hub.twins import Twin
from localcloud.counters import Counters
from localcloud.mqtt import packets
from localcloud.mqtt.packets import Connect
from localcloud.mqtt.seats import Seats, TooManyTakeovers
from localcloud.mqtt.session import Channel, ConnectRefused, Peer
from localcloud.store import Store

LOG = logging.getLogger("localcloud.hub")


class HubDevices:
    """Admits devices and modules to all hubs and keeps track of who is connected."""

    def __init__(
        self,
        registry: HubRegistry,
        directory: HubDirectory,
        store: Store,
        counters: Counters,
        authorities: Authorities | None = None,
    ) -> None:
        self.registry = registry
        self.store = store
        self.counters = counters
        self.meter = Meter(directory, counters, registry.clock)
        self.seats: Seats[Conversation] = Seats(registry.clock.monotonic)
        self._directory = directory
        issuer = Issuer(store, registry.clock)
        self.credentials = Credentials(issuer, registry.clock)
        trusted = authorities or HubAuthorities(directory, issuer)
        self.admission = Admission(registry, directory, store, trusted)
        registry.on_desired.append(self._desired_changed)
        registry.on_removed.append(self._removed)
        registry.messages.on_queued.append(self._queued)
        registry.methods.find = self.seats.holder

    def accept(self, connect: Connect, peer: Peer, channel: Channel) -> Conversation:
        """Decide on `{hub host}[:port]/{device id}[/{module id}]/?api-version=…`. Raises ConnectRefused."""
        host, subject = _named(connect.username)
        try:
            if not subject or connect.client_id != subject:
                raise NotAdmitted("client-id-mismatch")
            seconds = self.admission.admit(host, subject, connect.password, peer)
        except NotAdmitted as refused:
            self.refuse(host, subject, refused.reason)
            raise ConnectRefused(packets.NOT_AUTHORIZED, refused.reason) from refused
        conversation = Conversation(self, host, subject, channel, clean=connect.clean_session)
        if not connect.password and self._directory.namespaces_of_hub(host):
            conversation.shown = peer.leaf()
        try:
            self.seats.take(conversation.key, conversation, seconds)
        except TooManyTakeovers as error:
            self.refuse(host, subject, "too-many-takeovers")
            raise ConnectRefused(packets.UNAVAILABLE, str(error)) from error
        self.registry.set_connection_state(host, subject, True)
        conversation.begin()
        return conversation

    def refuse(self, host: str, subject: str, reason: str) -> None:
        """Count and log a refusal."""
        known = self._directory.hub_by_host(host) is not None
        self.counters.add(f"{host if known else '-'}/refused/{reason}")
        fields = {"hub": host[:255], "deviceId": subject[:257], "reason": reason}
        LOG.warning("connection refused", extra={"fields": fields})

    def _desired_changed(self, host: str, subject: str, patch: Twin, version: int) -> None:
        holder = self.seats.holder(f"{host.lower()}/{subject}")
        if holder is not None:
            holder.tell_desired(patch, version)

    def _removed(self, host: str, subject: str) -> None:
        holder = self.seats.holder(f"{host.lower()}/{subject}")
        if holder is not None:
            holder.close("the device was removed, disabled, or given other credentials")
        if "/" not in subject:
            for module in self.registry.module_subjects(host, subject):
                self._removed(host, module)

    def _queued(self, host: str, device_id: str) -> None:
        holder = self.seats.holder(f"{host.lower()}/{device_id}")
        if holder is not None:
            holder.deliver()


def _named(username: str) -> tuple[str, str]:
    """Hub host in lower case without a port, and subject, of a user name."""
    host, _, rest = username.partition("/")
    path = rest.partition("?")[0].rstrip("/").split("/")
    subject = "/".join(unquote(it) for it in path[:2])
    return host.partition(":")[0].lower(), subject
