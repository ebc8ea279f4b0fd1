"""Logs of hubs and provisioning service, and alerts on them."""

from components.azure.alerts import ConnectionFailuresArgs
from components.azure.monitoring import Monitoring, MonitoringArgs
from components.fleet.azure.ground import Ground
from components.fleet.azure.hubs import Hubs
from components.fleet.azure.service import Provisioning
from fleet.description import Alerts


def declare(ground: Ground, hubs: Hubs, service: Provisioning) -> None:
    """Keep logs, and tell of failures, as far as the description says so."""
    azure = ground.fleet.on_azure
    if not azure.diagnostics.enabled:
        return
    args: MonitoringArgs = {
        "resource_group_name": ground.place,
        "location": azure.location,
        "hubs": {key: hub.hub_id for key, hub in hubs.items()},
        "provisioning_service_id": service.dps.service_id,
        "connection_failures": _connection_failures(azure.alerts),
        "tags": ground.tags,
    }
    if azure.diagnostics.existing is not None:
        args["workspace_id"] = azure.diagnostics.existing
    else:
        args["workspace"] = {
            "name": f"{azure.provisioning_service}-logs"[:63],
            "days": azure.diagnostics.days,
        }
    Monitoring(ground.named("logs"), args, ground.opts)


def _connection_failures(alerts: Alerts) -> ConnectionFailuresArgs | None:
    failures = alerts.connection_failures
    if failures is None:
        return None
    return {
        "threshold": failures.threshold,
        "window_minutes": failures.window_minutes,
        "emails": failures.emails,
    }
