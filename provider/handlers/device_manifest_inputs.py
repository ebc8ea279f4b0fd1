"""What a program says about a manifest, and what that means for each row of its file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from provider.checking import Fault
from provider.clients.dps_service import API_VERSION, API_VERSIONS
from provider.fields import prop, write
from provider.handlers import enrollment_checks, individual_enrollment, rules, tpm, twins
from provider.handlers.enrollment_documents import body
from provider.handlers.enrollment_inputs import (
    NO_CAPABILITIES,
    NO_TWIN,
    REPROVISION,
    Capabilities,
    HubChoice,
    InitialTwin,
    Registry,
)
from provider.handlers.manifests import ADDRESS, Common, name_faults, name_of
from provider.manifest.settings import ATTESTATIONS, X509, Settings

_OF_ROWS = ("registrationId", "attestation", "provisioningStatus", "capabilities", "initialTwin")
_RULES: Final = {"endorsement_key": tpm.endorsement_key, "tags": twins.tags, "desired": twins.desired}


@dataclass(frozen=True, kw_only=True)
class Inputs(HubChoice, Common):
    """What the program says."""

    service_host: str = prop(
        "The provisioning service's service operations host, such as contoso.azure-devices-provisioning.net.",
        replaces=ADDRESS,
        rule=rules.service_host,
        normal=rules.lower,
    )
    attestation: str = prop(
        "How the devices attest, where a row says nothing: x509, symmetricKey or tpm.",
        default=X509,
        rule=rules.choice(*ATTESTATIONS),
    )
    api_version: str = prop(
        "Version of the service's API that is spoken: certificates from a registry need 2026-11-01.",
        default=API_VERSION,
        rule=rules.choice(*API_VERSIONS),
    )
    initial_twin: InitialTwin = prop("The twin of a new device; a row's lies over it.", default=NO_TWIN)  # noqa: RUF009 - prop makes the field
    reprovision: str = prop(
        "When a device comes again: keep, migrate or reset, as for a group.",
        default="migrate",
        rule=rules.choice(*REPROVISION),
    )
    capabilities: Capabilities = prop(  # noqa: RUF009 - prop makes the field
        "What the devices are able to be, where a row says nothing.", default=NO_CAPABILITIES
    )
    registry: Registry | None = prop(  # noqa: RUF009 - prop makes the field
        "Who issues certificates from CSRs: Azure Device Registry.", default=None
    )
    enabled: bool = prop("Whether devices may enrol, where a row says nothing.", default=True)


def faults(inputs: Inputs) -> Iterable[Fault]:
    """Everything that does not go together, the file aside."""
    yield from enrollment_checks.faults(individual_enrollment.INDIVIDUAL, enrollment(inputs))
    yield from name_faults(inputs)


def enrollment(inputs: Inputs) -> individual_enrollment.Inputs:
    """The enrollment of a row that says nothing but its id, as a resource of its own would have it."""
    return individual_enrollment.Inputs(
        registration_id="row",
        symmetric_key=True,
        **{
            each: getattr(inputs, each)
            for each in (
                "service_host",
                "api_version",
                "allocation_policy",
                "iot_hubs",
                "webhook_url",
                "webhook_api_version",
                "initial_twin",
                "reprovision",
                "capabilities",
                "registry",
                "enabled",
            )
        },
    )


def settings(inputs: Inputs) -> Settings:
    """What the inputs mean for the rows. All values are known."""
    common = body(individual_enrollment.INDIVIDUAL, enrollment(inputs), {})
    shared = {key: value for key, value in common.items() if key not in _OF_ROWS}
    shared["iotHubs"] = sorted(map(rules.lower, shared["iotHubs"]))
    twin: dict[str, Any] = write(inputs.initial_twin)
    return Settings(
        manifest=name_of(inputs).lower(),
        attestation=inputs.attestation,
        enabled=inputs.enabled,
        iot_edge=inputs.capabilities.iot_edge,
        tags=twin["tags"],
        desired=twin["desired"],
        shared=shared,
        rules=_RULES,
    )
