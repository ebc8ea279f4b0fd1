"""What a fleet has on Azure.

ground         what every resource of a fleet needs to know: the description, where, with whose provider
hubs           hubs, and the places that they send messages and files to
service        provisioning service, CA chain, Device Registry
enrollments    groups, individual enrollments, manifests, and the webhook of custom allocation
devices        devices that are named one by one; configurations
watching       logs and alerts
"""

from typing import Any

from pulumi_azure_native import resources

from components.fleet.azure import devices, enrollments, hubs, service, watching
from components.fleet.azure.ground import Ground
from components.muster import Provider
from components.sources import Sources
from fleet import Fleet


def declare(fleet: Fleet, sources: Sources, muster: Provider) -> dict[str, Any]:
    """Declare everything on Azure; the outputs idScope, dpsHost, hubs, groups and manifests."""
    ground = _ground(fleet, sources, muster)
    made = hubs.declare(ground)
    provisioning = service.declare(ground, made)
    manifests = enrollments.declare(ground, made, provisioning)
    devices.declare(ground, made, provisioning)
    watching.declare(ground, made, provisioning)
    return {
        "idScope": provisioning.dps.id_scope,
        "dpsHost": provisioning.dps.service_host,
        "hubs": {key: hub.host for key, hub in made.items()},
        "groups": list(ground.groups),
        **({"manifests": manifests} if manifests else {}),
    }


def _ground(fleet: Fleet, sources: Sources, muster: Provider) -> Ground:
    tags = {"muster-fleet": fleet.name}
    place = resources.ResourceGroup(
        fleet.name,
        resource_group_name=fleet.on_azure.resource_group,
        location=fleet.on_azure.location,
        tags=tags,
    )
    return Ground(fleet, sources, place.name, muster, tags)
