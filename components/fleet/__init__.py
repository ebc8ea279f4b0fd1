"""From a checked description to resources: the one place that knows both.

ground         what every resource of a fleet needs to know: the description, where, with whose provider
hubs           hubs, and the places that they send messages and files to
service        provisioning service, CA chain, Device Registry
enrollments    groups, individual enrollments, manifests, and the webhook of custom allocation
devices        devices that are named one by one; configurations
watching       logs and alerts
"""

from typing import Any

from pulumi_azure_native import resources

from components.fleet import devices, enrollments, hubs, service, watching
from components.fleet.ground import Ground
from components.muster import Provider
from components.sources import Sources
from fleet import Fleet


def build(fleet: Fleet, sources: Sources) -> dict[str, Any]:
    """Declare everything that provisions `fleet`; the stack's outputs.

    idScope    what devices are told to find the provisioning service
    dpsHost    host of its service API
    hubs       host of each hub by its key
    groups     ids of the enrollment groups
    manifests  of each manifest, if there are any: how many rows it has, how many of them are in the service
    """
    ground = _ground(fleet, sources)
    made = hubs.declare(ground)
    provisioning = service.declare(ground, made)
    manifests = enrollments.declare(ground, made, provisioning)
    devices.declare(ground, made, provisioning)
    watching.declare(ground, made, provisioning)
    return {
        "idScope": provisioning.dps.id_scope,
        "dpsHost": provisioning.dps.service_host,
        "hubs": {key: hub.host for key, hub in made.items()},
        "groups": list(fleet.groups),
        **({"manifests": manifests} if manifests else {}),
    }


def _ground(fleet: Fleet, sources: Sources) -> Ground:
    muster = Provider(f"{fleet.name}-muster")
    tags = {"muster-fleet": fleet.name}
    place = resources.ResourceGroup(
        fleet.name,
        resource_group_name=fleet.on_azure.resource_group,
        location=fleet.on_azure.location,
        tags=tags,
    )
    return Ground(fleet, sources, place.name, muster, tags)
