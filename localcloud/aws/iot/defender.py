"""Device Defender: Audit, mitigation and Detect, put together."""

from localcloud.aws.api import Operation
from localcloud.aws.background import Background
from localcloud.aws.calls import Calls
from localcloud.aws.iot.audit_checks import Evidence
from localcloud.aws.iot.audit_settings import AuditSettings
from localcloud.aws.iot.audits import Audits
from localcloud.aws.iot.connection_history import ConnectionHistory
from localcloud.aws.iot.detect import Detect
from localcloud.aws.iot.findings import Findings
from localcloud.aws.iot.metrics import Metrics
from localcloud.aws.iot.mitigation_actions import MitigationActions
from localcloud.aws.iot.mitigations import Mitigations, Registries
from localcloud.aws.iot.revocations import Revocations
from localcloud.aws.iot.role_aliases import RoleAliases
from localcloud.aws.iot.tags import Tags
from localcloud.aws.place import Place
from localcloud.aws.roles import RolePolicies, Roles


class Defender:
    """All of it. The broker tells `history` what it sees; `revocations` takes lists that are handed over."""

    def __init__(
        self,
        place: Place,
        tags: Tags,
        registries: Registries,
        role_aliases: RoleAliases,
        role_policies: RolePolicies,
        calls: Calls,
        background: Background,
    ) -> None:
        self._place = place
        self._registries = registries
        self._role_aliases = role_aliases
        self._role_policies = role_policies
        roles = Roles(role_policies)
        self.history = ConnectionHistory(place)
        self.revocations = Revocations(place)
        self.findings = Findings(place)
        self.settings = AuditSettings(place, tags)
        self.audits = Audits(place, self.settings, self.findings, self._evidence, roles, calls, background)
        self.actions = MitigationActions(place, tags)
        self.mitigations = Mitigations(
            place, self.audits, self.findings, self.actions, registries, roles, calls
        )
        self.metrics = Metrics(place, tags)
        self.detect = Detect(place, tags, registries.groups, self.metrics)

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return {
            **self.settings.operations(),
            **self.audits.operations(),
            **self.findings.operations(),
            **self.actions.operations(),
            **self.mitigations.operations(),
            **self.metrics.operations(),
            **self.detect.operations(),
        }

    def tick(self) -> None:
        """Start the scheduled audits that are due."""
        self.audits.tick()

    def _evidence(self, since: float, settings: dict[str, str]) -> Evidence:
        return Evidence(
            account=self._place.account,
            now=self._place.clock.now(),
            since=since,
            certificates=self._registries.certificates,
            authorities=self._registries.authorities,
            policies=self._registries.policies,
            role_aliases=self._role_aliases,
            logging=self._registries.logging,
            history=self.history,
            revocations=self.revocations,
            roles=self._role_policies,
            settings=settings,
        )
