"""What serves and watches the hubs."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.checks.findings import Check, placed
from fleet.description import Fleet
from fleet.errors import Finding, Path, shown

_CERTIFICATES_SINCE = "2026-11-01"
"""DPS service API that knows `namespaceName`, `certificateAuthorityName` and `certificatePolicyName`."""


def _alerts_have_logs(fleet: Fleet) -> Iterator[Finding]:
    if fleet.on_azure.alerts.connection_failures is not None and not fleet.on_azure.diagnostics.enabled:
        wrong = "alerts on connections read the logs, and no logs are kept"
        yield Finding(("azure", "alerts", "connectionFailures"), wrong, "set diagnostics.enabled to true")


def _messaging_names_differ(fleet: Fleet) -> Iterator[Finding]:
    """Both kinds of namespace have their names in one domain, servicebus.windows.net."""
    name = fleet.on_azure.service_bus_namespace
    if name and name.lower() == fleet.on_azure.event_hub_namespace.lower():
        wrong = f"{shown(name)} is the name of the Event Hubs namespace too"
        path: Path = ("azure", "serviceBusNamespace")
        yield Finding(path, wrong, "choose another name", needs=(("azure", "eventHubNamespace"),))


def _certificates_need_the_newer_api(fleet: Fleet) -> Iterator[Finding]:
    used = any(provisioning.certificates for _, provisioning, _ in placed(fleet))
    if (used or fleet.on_azure.registry) and fleet.on_azure.provisioning_api < _CERTIFICATES_SINCE:
        version = fleet.on_azure.provisioning_api
        wrong = (
            f"an enrollment of API {version} cannot name a certificate policy, so no CSR would be answered"
        )
        right = f'set provisioningApi: "{_CERTIFICATES_SINCE}", or leave registry and certificates out'
        yield Finding(("azure", "provisioningApi"), wrong, right)


CHECKS: tuple[Check, ...] = (
    _alerts_have_logs,
    _messaging_names_differ,
    _certificates_need_the_newer_api,
)
