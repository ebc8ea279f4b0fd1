"""What devices talk to: the broker with its reserved topics, rules, and the data services over HTTPS."""

from typing import Any

from localcloud.aws import data
from localcloud.aws.api import Api, Operation
from localcloud.aws.background import Background
from localcloud.aws.broker.broker import Broker
from localcloud.aws.broker.doorkeeper import DeviceDoorkeeper
from localcloud.aws.broker.ingest_topics import IngestTopics
from localcloud.aws.broker.job_topics import JobTopics
from localcloud.aws.broker.provisioning_topics import ProvisioningTopics
from localcloud.aws.broker.registry_events import ThingEvents
from localcloud.aws.broker.sessions import Posted
from localcloud.aws.broker.shadow_topics import ShadowTopics
from localcloud.aws.calls import Calls
from localcloud.aws.credentials import CredentialService, Sessions
from localcloud.aws.csr_signing import CsrSigning
from localcloud.aws.functions import Functions
from localcloud.aws.iot.rule_actions import Actions
from localcloud.aws.iot.rules import Rules
from localcloud.aws.place import ZONE
from localcloud.aws.roles import RolePolicies, Roles
from localcloud.aws.world import World
from localcloud.calls import Service
from localcloud.counters import Counters


class DataPlane:
    """All of it. `calls` carries out what AWS IoT does elsewhere, `sessions` makes sessions of roles.

    `functions` are those that AWS IoT invokes, `policies` what IAM has of the roles that it takes on.
    """

    def __init__(
        self,
        world: World,
        calls: Calls,
        functions: Functions,
        policies: RolePolicies,
        sessions: Sessions,
        counters: Counters,
    ) -> None:
        self._world = world
        self._sessions = sessions
        self.background = Background()
        self.roles = Roles(policies)
        self.broker = Broker(world, self.roles, counters, self.background)
        actions = Actions(world.place, calls, self.roles, functions)
        self.rules = Rules(world.place, world.tags, actions, self.background)
        self._signing = CsrSigning(world.certificate_providers, world.certificates, functions)
        self._provisioning = ProvisioningTopics(world, self._signing, functions, self.roles, self.background)
        self._connect()

    def operations(self) -> dict[str, Operation]:
        """The control plane's part: rules, and certificates for CSRs."""
        return {**self.rules.operations(), **self._signing.operations()}

    def services(self) -> dict[str, Service]:
        """The HTTPS side, by host."""
        place = self._world.place
        doorkeeper = DeviceDoorkeeper(self.broker, self._world.account)
        things = Api("iot-data", data.operations(self.broker, self._world.shadows), doorkeeper, place.region)
        executions = self._world.jobs.executions.operations()
        jobs = Api("iot-jobs-data", executions, doorkeeper, place.region)
        return {
            place.endpoint("-ats"): things,
            f"data-ats.{ZONE}": things,
            place.endpoint(".jobs"): jobs,
            f"data.jobs.{ZONE}": jobs,
            place.endpoint(".credentials"): CredentialService(
                self._world, self.broker, self.roles, self._sessions
            ),
        }

    def tidy(self) -> None:
        """What has to happen now and then."""
        self.broker.tidy()
        self._provisioning.tidy()

    async def stop(self) -> None:
        """End what still runs."""
        await self.background.stop()

    def _connect(self) -> None:
        """Who hears of whom."""
        exchange = self.broker.exchange
        self.broker.reserved += [
            ShadowTopics(self._world.shadows, exchange),
            self._provisioning,
            JobTopics(self._world.place, self._world.jobs.executions, exchange),
            IngestTopics(self.rules),
        ]
        self._world.shadows.announce.append(exchange.tell)
        self._world.things.on_change(ThingEvents(self._world.place, self._world.events, exchange).tell)
        self._world.things.on_change(self._forget)
        self._world.search.shadow_of = self._world.shadows.find
        self._world.search.connectivity_of = self.broker.presence.connectivity_of
        exchange.watchers.append(
            lambda it: self.rules.deliver(it.topic, it.payload, it.client_id, it.principal)
        )
        self.rules.actions.republish = lambda topic, payload, qos: self._republish(
            Posted(topic, payload, qos)
        )

    def _forget(self, operation: str, thing: dict[str, Any]) -> None:
        if operation == "DELETED":
            self._world.shadows.forget(thing["name"])

    def _republish(self, message: Posted) -> None:
        """A rule's message; one for a reserved topic that takes none is lost, as AWS does not say."""
        self.broker.publish(message)
