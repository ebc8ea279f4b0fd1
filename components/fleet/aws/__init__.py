"""What a fleet has on AWS.

session       with whose credentials, in which account
ground        what every resource of a fleet needs to know
enrolments    groups by their way of enrolment, devices one by one
account       endpoint, telemetry, credentials for devices, the account's own settings
"""

from typing import Any

import pulumi

from components.aws.place import Place
from components.fleet.aws import account, enrolments, session
from components.fleet.aws.ground import Ground
from components.muster import Provider
from components.sources import Sources
from fleet import Fleet


def declare(ground: Ground) -> dict[str, Any]:
    """Declare everything on AWS; what the output `aws` holds."""
    data_endpoint = account.address(ground, "iot:Data-ATS")
    host = account.endpoint(ground)
    settings = account.settings(ground)
    registry = enrolments.registry(ground, None if settings is None else settings.account)
    groups, manifests = enrolments.declare(ground, data_endpoint, registry)
    account.declare(ground, settings, registry.names)
    return {
        "endpoint": host or data_endpoint,
        "credentialsEndpoint": account.address(ground, "iot:CredentialProvider"),
        "account": ground.account,
        "region": ground.place.region,
        "groups": groups,
        **({"manifests": manifests} if manifests else {}),
        **({"mitigations": settings.mitigations} if settings and settings.mitigations else {}),
    }


def entered(fleet: Fleet, sources: Sources, muster: Provider) -> Ground:
    """Where the fleet will be, before anything is declared. Raises pulumi.RunError in the wrong account."""
    aws, native = session.providers(fleet.name, fleet.on_aws)
    found = session.account(fleet.on_aws, aws)
    place = Place(fleet.name, pulumi.get_stack(), fleet.on_aws.region, found)
    return Ground(fleet, sources, place, found, aws, (muster, native), {"muster-fleet": fleet.name})
