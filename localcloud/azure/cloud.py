"""Azure in one process: the state, the services over it by host, and the MQTT side's `accept`."""

from pathlib import Path

from localcloud.azure.arm.resources import World
from localcloud.azure.arm.service import ArmService
from localcloud.azure.blobs import BlobService
from localcloud.azure.directory import Directory
from localcloud.azure.dps.device import DpsDevices
from localcloud.azure.dps.device_https import GLOBAL_HOST, DpsDeviceService
from localcloud.azure.dps.registry import ProvisioningRegistry
from localcloud.azure.dps.service import DpsService
from localcloud.azure.entra import AUTHORITY_HOST, EntraService, Tokens
from localcloud.azure.functions.apps import FunctionApps
from localcloud.azure.functions.webhooks import Webhooks
from localcloud.azure.gate import Gate
from localcloud.azure.hub.device import HubDevices
from localcloud.azure.hub.registry import HubRegistry
from localcloud.azure.hub.service import HubService
from localcloud.calls import Service
from localcloud.clock import Clock
from localcloud.control.service import LocalService
from localcloud.control.switches import Edition, Switches
from localcloud.counters import Counters
from localcloud.mqtt import packets
from localcloud.mqtt.packets import Connect
from localcloud.mqtt.session import Channel, ConnectRefused, Conversation, Peer
from localcloud.routing import LOOPBACK_HOSTS, Routing
from localcloud.store import Store


class Azure:
    """All of it. Whoever serves it calls `entra.ensure_credentials(folder, store)` first.

    `folder` is where function apps are unpacked, in a folder of their own.
    """

    def __init__(self, store: Store, clock: Clock, folder: Path) -> None:
        self.store = store
        self.clock = clock
        self.directory = Directory(store)
        self.counters = Counters(store)
        self.switches = Switches(clock, self._edition)
        self.hubs = HubRegistry(store, clock)
        self.provisioning = ProvisioningRegistry(store, self.directory, self.hubs, clock)
        self.dps_devices = DpsDevices(self.provisioning, self.counters)
        self.hub_devices = HubDevices(self.hubs, self.directory, store, self.counters)
        self.functions = FunctionApps(store, folder / "functions")
        self.routing = Routing(self._services(), self.switches)
        self.provisioning.webhook = Webhooks(self.routing)

    def _services(self) -> dict[str, Service]:
        """The HTTPS side: services by host, or by zone."""
        store, directory, provisioning = self.store, self.directory, self.provisioning
        tokens = Tokens(store, self.clock)
        gate = Gate(store, tokens, self.clock)
        world = World(store, directory, provisioning, self.hubs, self.clock)
        return {
            AUTHORITY_HOST: EntraService(store, tokens),
            "management.azure.com": ArmService(world, gate),
            GLOBAL_HOST: DpsDeviceService(provisioning, self.clock),
            "*.azure-devices-provisioning.net": DpsService(store, directory, provisioning, gate),
            "*.azure-devices.net": HubService(directory, self.hubs, gate, self.hub_devices),
            "*.azurewebsites.net": self.functions,
            "*.blob.core.windows.net": BlobService(store, gate, self.clock),
            **dict.fromkeys(LOOPBACK_HOSTS, LocalService(self.clock, self.switches, self.counters)),
        }

    def accept(self, connect: Connect, peer: Peer, channel: Channel) -> Conversation:
        """The user name tells DPS (`{idScope}/registrations/…`) from a hub (`{host}/{device}/…`).

        Both speak MQTT 3.1.1 only ("Communicate with an IoT hub using the MQTT protocol").
        """
        if connect.level != 4:
            raise ConnectRefused(packets.WRONG_PROTOCOL, f"protocol level {connect.level}")
        _, _, rest = connect.username.partition("/")
        service = self.dps_devices if rest.startswith("registrations/") else self.hub_devices
        return service.accept(connect, peer, channel)

    def tidy(self) -> None:
        """What has to happen now and then."""
        self.counters.flush()
        self.dps_devices.seats.forget_quiet()
        self.hub_devices.seats.forget_quiet()
        self.switches.tidy()
        self.functions.warm_up()

    def _edition(self, host: str) -> Edition | None:
        hub = self.directory.hub_by_host(host)
        if hub is None:
            return None
        sku = hub.get("sku") or {}
        return Edition(str(sku.get("name", "S1")), int(sku.get("capacity") or 1))
