"""AWS in one process: the state, the services over it by host, and the MQTT side's `accept`."""

from pathlib import Path

from localcloud.aws.account import Account
from localcloud.aws.api import Api
from localcloud.aws.calls import KeptCalls
from localcloud.aws.data_plane import DataPlane
from localcloud.aws.emulator import Emulator
from localcloud.aws.functions import Functions
from localcloud.aws.identities import Identities
from localcloud.aws.place import ZONE, Place
from localcloud.aws.role_sessions import RoleSessions
from localcloud.aws.roles import IamRoles
from localcloud.aws.service_sessions import ServiceSessions
from localcloud.aws.world import World
from localcloud.calls import Service
from localcloud.clock import Clock
from localcloud.counters import Counters
from localcloud.mqtt.packets import Connect
from localcloud.mqtt.payloads import write_object
from localcloud.mqtt.session import Channel, Conversation, Peer
from localcloud.store import Store


class Aws:
    """All of it. `folder` is the state directory, with `aws.env`, `tls-ca.pem` and the emulator's folder.

    `proxy` is the way in, for functions that the emulator runs.
    """

    def __init__(self, store: Store, clock: Clock, folder: Path, proxy: str = "http://127.0.0.1:9") -> None:
        self.place = Place(store, clock)
        self.account = Account(self.place)
        self.account.ensure_root(folder)
        self.emulator = Emulator(self.place, self.account, folder, proxy)
        identities = Identities(self.emulator)
        self.account.authorization.documents_of = identities.documents_of
        self.emulator.check_session = RoleSessions(self.emulator.call, identities.documents_of).check
        self.world = World(self.place, self.account, self.emulator, folder / "aws")
        self.counters = Counters(store)
        sessions = ServiceSessions(self.place, self.account, self.emulator)
        reads = KeptCalls(self.emulator)
        self.emulator.on_call.append(reads.observe)
        roles, functions = IamRoles(reads, identities), Functions(self.emulator, reads)
        self.data_plane = DataPlane(self.world, self.emulator, functions, roles, sessions, self.counters)
        self.world.tunnels.notify = lambda topic, message: self.data_plane.broker.exchange.tell(
            topic, write_object(message)
        )
        self.services = self._services()

    def _services(self) -> dict[str, Service]:
        """The HTTPS side: services by host, by zone ("*.…"), or by all that is below ("**.amazonaws.com")."""
        region = self.place.region
        operations = {**self.world.operations(), **self.data_plane.operations()}
        return {
            ZONE: Api("iot", operations, self.account, region),
            f"api.tunneling.{ZONE}": Api(
                "iotsecuretunneling", self.world.tunnels.operations(), self.account, region
            ),
            **self.data_plane.services(),
            "**.amazonaws.com": self.emulator,
        }

    def accept(self, connect: Connect, peer: Peer, channel: Channel) -> Conversation:
        """A device's CONNECT, to the broker."""
        return self.data_plane.broker.accept(connect, peer, channel)

    async def start(self) -> None:
        """Once, when the loop runs."""
        await self.emulator.start()

    async def stop(self) -> None:
        """Once, at the end."""
        await self.data_plane.stop()
        await self.world.background.stop()
        await self.emulator.stop()

    def tidy(self) -> None:
        """What has to happen now and then."""
        self.counters.flush()
        self.data_plane.tidy()
        self.world.tick()
