"""All of AWS IoT's registries over one memory.

Each is a class of `iot/`, `broker/` or beside them. Whoever adds one adds a line to `World`, and its
operations to `operations`.
"""

from pathlib import Path

from localcloud.aws.account import Account
from localcloud.aws.api import Operation
from localcloud.aws.background import Background
from localcloud.aws.emulator import Emulator
from localcloud.aws.identities import Identities
from localcloud.aws.iot.authorities import Authorities
from localcloud.aws.iot.authorization_tests import AuthorizationTests
from localcloud.aws.iot.authorizers import Authorizers
from localcloud.aws.iot.billing_groups import BillingGroups
from localcloud.aws.iot.certificate_providers import CertificateProviders
from localcloud.aws.iot.certificates import Certificates
from localcloud.aws.iot.claims import Claims
from localcloud.aws.iot.defender import Defender
from localcloud.aws.iot.domains import DomainConfigurations
from localcloud.aws.iot.dynamic_groups import DynamicGroups
from localcloud.aws.iot.endpoints import Endpoints
from localcloud.aws.iot.events import Events
from localcloud.aws.iot.groups import ThingGroups
from localcloud.aws.iot.indexing import IndexingConfiguration
from localcloud.aws.iot.job_control import JobControl
from localcloud.aws.iot.job_templates import JobTemplates
from localcloud.aws.iot.jobs import Jobs
from localcloud.aws.iot.logging import Logging
from localcloud.aws.iot.memberships import Memberships
from localcloud.aws.iot.mitigations import Registries
from localcloud.aws.iot.ota import OtaUpdates
from localcloud.aws.iot.policies import Policies
from localcloud.aws.iot.registration import Registration
from localcloud.aws.iot.registration_tasks import RegistrationTasks
from localcloud.aws.iot.role_aliases import RoleAliases
from localcloud.aws.iot.search import Search
from localcloud.aws.iot.shadows import Shadows
from localcloud.aws.iot.streams import Streams
from localcloud.aws.iot.tags import Tags
from localcloud.aws.iot.templates import ProvisioningTemplates
from localcloud.aws.iot.thing_types import ThingTypes
from localcloud.aws.iot.things import Things
from localcloud.aws.iot.tunnels import Tunnels
from localcloud.aws.iot.x509 import OwnAuthority
from localcloud.aws.place import Place
from localcloud.aws.roles import IamRoles, Roles


class World:
    """The registries by noun. `folder` is for keys of AWS IoT's own."""

    def __init__(self, place: Place, account: Account, emulator: Emulator, folder: Path) -> None:
        self.place = place
        self.account = account
        self.emulator = emulator
        self.tags = Tags(place)
        self.thing_types = ThingTypes(place, self.tags)
        self.billing_groups = BillingGroups(place, self.tags)
        self.groups = ThingGroups(place, self.tags)
        self.certificates = Certificates(place, OwnAuthority(folder))
        self.authorities = Authorities(place, self.certificates, self.tags)
        self.policies = Policies(place, self.certificates, self.groups, self.tags)
        self.things = Things(place, self.thing_types, self.groups, self.billing_groups, self.certificates)
        self.memberships = Memberships(self.things, self.groups)
        self.authorization_tests = AuthorizationTests(self.certificates, self.things, self.policies)
        self.shadows = Shadows(place, self.things)
        self.endpoints = Endpoints(place)
        self._add_provisioning()
        self._add_settings()
        self._add_jobs()
        self._add_defender()

    def _add_provisioning(self) -> None:
        """Templates, and what applies them."""
        self.templates = ProvisioningTemplates(self.place, self.tags)
        self.templates.is_used = lambda name: any(it.template == name for it in self.authorities.all())
        self.authorities.check_template = self.templates.check_for_authority
        self.claims = Claims(self.place, self.templates, self.certificates)
        self.registration = Registration(
            self.place, self.things, self.groups, self.certificates, self.authorities, self.policies
        )

    def _add_settings(self) -> None:
        """What a whole account has once, and what its devices sign in with."""
        self.role_aliases = RoleAliases(self.place, self.tags)
        self.authorizers = Authorizers(self.place, self.tags)
        self.domains = DomainConfigurations(self.place, self.tags, self.authorizers)
        self.certificate_providers = CertificateProviders(self.place, self.tags)
        self.certificates.check_issuer = self.certificate_providers.check_none
        self.events = Events(self.place)
        self.indexing = IndexingConfiguration(self.place)
        self.search = Search(self.things, self.groups, self.indexing)
        self.dynamic_groups = DynamicGroups(self.groups, self.search)
        self.logging = Logging(self.place)

    def _add_jobs(self) -> None:
        """Jobs, what devices see of them (`jobs.executions`), and tunnels to devices."""
        self.jobs = Jobs(self.place, self.tags, self.things, self.groups, self.account, self.emulator)
        self.job_templates = JobTemplates(self.place, self.tags, self.jobs)
        self.job_control = JobControl(self.jobs, self.things)
        self.tunnels = Tunnels(self.place, self.things)

    def _add_defender(self) -> None:
        """What acts in roles' names: Device Defender, registration in bulk, OTA updates."""
        registries = Registries(
            self.certificates, self.authorities, self.things, self.groups, self.policies, self.logging
        )
        self.background = Background()
        policies = IamRoles(self.emulator, Identities(self.emulator))
        self.defender = Defender(
            self.place,
            self.tags,
            registries,
            self.role_aliases,
            policies,
            self.emulator,
            self.background,
        )
        roles = Roles(policies)
        self.streams = Streams(self.place, self.tags)
        self.ota_updates = OtaUpdates(
            self.place, self.tags, self.streams, self.jobs.create, self.jobs.delete, roles, self.emulator
        )
        self.registration_tasks = RegistrationTasks(
            self.place,
            self.registration,
            self.account,
            roles,
            self.emulator,
            self.background,
        )

    def tick(self) -> None:
        """What is due by now: jobs, audits, registration in bulk, claims whose time is over."""
        self.claims.tidy()
        self.jobs.tick()
        self.defender.tick()
        self.registration_tasks.tick()

    def operations(self) -> dict[str, Operation]:
        """The control plane: service `iot` of botocore."""
        return {
            **self.tags.operations(),
            **self.thing_types.operations(),
            **self.billing_groups.operations(),
            **self.groups.operations(),
            **self.certificates.operations(),
            **self.authorities.operations(),
            **self.policies.operations(),
            **self.things.operations(),
            **self.memberships.operations(),
            **self.authorization_tests.operations(),
            **self.endpoints.operations(),
            **self.templates.operations(),
            **self.claims.operations(),
            **self.registration.operations(),
            **self.role_aliases.operations(),
            **self.authorizers.operations(),
            **self.domains.operations(),
            **self.certificate_providers.operations(),
            **self.events.operations(),
            **self.indexing.operations(),
            **self.search.operations(),
            **self.dynamic_groups.operations(),
            **self.logging.operations(),
            **self.jobs.operations(),
            **self.job_templates.operations(),
            **self.job_control.operations(),
            **self.defender.operations(),
            **self.registration_tasks.operations(),
            **self.streams.operations(),
            **self.ota_updates.operations(),
        }
