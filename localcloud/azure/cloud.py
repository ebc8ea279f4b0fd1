"""Azure in one process: the state, the services over it by host, and the MQTT side's `accept`."""

from localcloud.azure.arm.resources import World
from localcloud.azure.arm.service import ArmService
from localcloud.azure.calls import Service
from localcloud.azure.clock import Clock
from localcloud.azure.control.service import LocalService
from localcloud.azure.control.switches import Edition, Switches
from localcloud.azure.counters import Counters
from localcloud.azure.directory import Directory
from localcloud.azure.dps.device import DpsDevices
from localcloud.azure.dps.registry import ProvisioningRegistry
from localcloud.azure.dps.service import DpsService
from localcloud.azure.entra import AUTHORITY_HOST, EntraService, Tokens
from localcloud.azure.gate import Gate
from localcloud.azure.http import LOOPBACK_HOSTS
from localcloud.azure.hub.device import HubDevices
from localcloud.azure.hub.registry import HubRegistry
from localcloud.azure.hub.service import HubService
from localcloud.azure.mqtt.packets import Connect
from localcloud.azure.mqtt.session import Channel, Conversation, Peer
from localcloud.azure.store import Store


class Azure:
    """All of it. Whoever serves it calls `entra.ensure_credentials(state_dir, store)` first."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.directory = Directory(store)
        self.counters = Counters(store)
        self.switches = Switches(clock, self._edition)
        self.hubs = HubRegistry(store, clock)
        self.provisioning = ProvisioningRegistry(store, self.directory, self.hubs)
        self.dps_devices = DpsDevices(self.provisioning, self.counters)
        self.hub_devices = HubDevices(self.hubs, self.directory, store, self.counters)

    def services(self) -> dict[str, Service]:
        """The HTTPS side: services by host, or by zone."""
        store, directory = self.store, self.directory
        tokens = Tokens(store)
        gate = Gate(store, tokens)
        return {
            AUTHORITY_HOST: EntraService(store, tokens),
            "management.azure.com": ArmService(World(store, directory, self.provisioning, self.hubs), gate),
            "*.azure-devices-provisioning.net": DpsService(store, directory, self.provisioning, gate),
            "*.azure-devices.net": HubService(directory, self.hubs, gate, self.hub_devices),
            **dict.fromkeys(LOOPBACK_HOSTS, LocalService(self.clock, self.switches, self.counters)),
        }

    def accept(self, connect: Connect, peer: Peer, channel: Channel) -> Conversation:
        """The user name tells DPS (`{idScope}/registrations/…`) from a hub (`{host}/{device}/…`)."""
        _, _, rest = connect.username.partition("/")
        service = self.dps_devices if rest.startswith("registrations/") else self.hub_devices
        return service.accept(connect, peer, channel)

    def tidy(self) -> None:
        """What has to happen now and then."""
        self.counters.flush()
        self.dps_devices.seats.forget_quiet()
        self.hub_devices.seats.forget_quiet()
        self.switches.tidy()

    def _edition(self, host: str) -> Edition | None:
        hub = self.directory.hub_by_host(host)
        if hub is None:
            return None
        sku = hub.get("sku") or {}
        return Edition(str(sku.get("name", "S1")), int(sku.get("capacity") or 1))
