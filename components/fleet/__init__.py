"""From a checked description to resources: the one place that knows both.

azure/    what a fleet has on Azure
aws/      what it has on AWS

The half of a cloud, and with it that cloud's SDK, is imported only for a fleet that is there: each takes its
time at every preview.
"""

from typing import Any

from components.muster import Provider
from components.sources import Sources
from fleet import Fleet


def build(fleet: Fleet, sources: Sources) -> dict[str, Any]:
    """Declare everything that provisions `fleet`; the stack's outputs.

    On Azure:
    idScope    what devices are told to find the provisioning service
    dpsHost    host of its service API
    hubs       host of each hub by its key
    groups     ids of the enrollment groups
    manifests  of each manifest, if there are any: how many rows it has, how many of them are in the service

    On AWS:
    aws        endpoint, credentialsEndpoint, account, region; groups: enrolment, template and policy of each;
               manifests, if there are any, as on Azure;
               mitigations, if there are any: of an audit's checks, the actions that answer their findings
    """
    muster = Provider(f"{fleet.name}-muster")
    if "aws" not in fleet.clouds:
        return _on_azure(fleet, sources, muster)
    from components.fleet import aws

    # Whose credentials they are is found out before anything is declared, on Azure as well.
    ground = aws.entered(fleet, sources, muster)
    outputs = _on_azure(fleet, sources, muster) if "azure" in fleet.clouds else {}
    return {**outputs, "aws": aws.declare(ground)}


def _on_azure(fleet: Fleet, sources: Sources, muster: Provider) -> dict[str, Any]:
    from components.fleet import azure

    return azure.declare(fleet, sources, muster)
