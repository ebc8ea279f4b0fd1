"""What serves and watches the hubs, and the certificates that identities come from."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.checks.findings import Check, provisionings
from fleet.description import Fleet
from fleet.errors import Finding, Path, shown

_CERTIFICATES_SINCE = "2026-11-01"
"""DPS service API that knows `namespaceName`, `certificateAuthorityName` and `certificatePolicyName`."""


def _alerts_have_logs(fleet: Fleet) -> Iterator[Finding]:
    if fleet.azure.alerts.connection_failures is not None and not fleet.azure.diagnostics.enabled:
        wrong = "alerts on connections read the logs, and no logs are kept"
        yield Finding(("azure", "alerts", "connectionFailures"), wrong, "set diagnostics.enabled to true")


def _messaging_names_differ(fleet: Fleet) -> Iterator[Finding]:
    """Both kinds of namespace have their names in one domain, servicebus.windows.net."""
    name = fleet.azure.service_bus_namespace
    if name and name.lower() == fleet.azure.event_hub_namespace.lower():
        wrong = f"{shown(name)} is the name of the Event Hubs namespace too"
        path: Path = ("azure", "serviceBusNamespace")
        yield Finding(path, wrong, "choose another name", needs=(("azure", "eventHubNamespace"),))


def _certificates_need_the_newer_api(fleet: Fleet) -> Iterator[Finding]:
    used = any(provisioning.certificates for _, provisioning in provisionings(fleet))
    if (used or fleet.azure.registry) and fleet.azure.provisioning_api < _CERTIFICATES_SINCE:
        version = fleet.azure.provisioning_api
        wrong = (
            f"an enrollment of API {version} cannot name a certificate policy, so no CSR would be answered"
        )
        right = f'set provisioningApi: "{_CERTIFICATES_SINCE}", or leave registry and certificates out'
        yield Finding(("azure", "provisioningApi"), wrong, right)


def _files_differ(fleet: Fleet) -> Iterator[Finding]:
    first = {fleet.identity.root: "root"}
    for key, file in fleet.identity.issuers.items():
        other = first.setdefault(file, key)
        if other != key:
            wrong = f"{shown(file)} is the file of {other} already"
            needs: Path = ("identity", "root")
            right = "an issuer needs a file of its own"
            yield Finding(("identity", "issuers", key), wrong, right, needs=(needs,))


def _renewal_comes_before_the_end(fleet: Fleet) -> Iterator[Finding]:
    device = fleet.identity.device
    if device.renew_before_days >= device.days:
        path: Path = ("identity", "device")
        wrong = f"renewal {device.renew_before_days} days before the end of {device.days} days"
        right = f"should be less than days ({device.days})"
        yield Finding((*path, "renewBeforeDays"), wrong, right, needs=((*path, "days"),))


CHECKS: tuple[Check, ...] = (
    _alerts_have_logs,
    _messaging_names_differ,
    _certificates_need_the_newer_api,
    _files_differ,
    _renewal_comes_before_the_end,
)
