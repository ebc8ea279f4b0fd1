"""muster:dps:IndividualEnrollment: one device, known by its certificate, its TPM or a key of its own.

`optionalDeviceInformation` is in both published versions (IndividualEnrollment, TwinCollection); the device
reads nothing of it, it is for the people and programs behind the service. Of the registration state only what
changes with the assignment is kept: the rest would make every refresh a change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from provider.checking import Fault
from provider.fields import prop
from provider.handlers import enrollment_notices, rules, tpm, twins
from provider.handlers.enrollment_documents import bare, etag, merged
from provider.handlers.enrollment_documents import body as common_body
from provider.handlers.enrollment_inputs import ADDRESS, Enrollment, Kind
from provider.handlers.enrollments import EnrollmentHandler
from provider.resource import Notice, State
from provider.values import UNKNOWN, Plain
from provider.versioned import Document, Version

INDIVIDUAL = Kind(
    title="individual enrollment",
    collection="enrollments",
    identifier="registrationId",
    certificate="clientCertificate",
    secondary="secondaryClientCertificate",
    certificates="clientCertificates",
    attestations=("clientCertificate", "authorityReference", "symmetricKey", "endorsementKey"),
)


@dataclass(frozen=True, kw_only=True)
class Inputs(Enrollment):
    """What the program says about the device."""

    registration_id: str = prop(
        "The id under which the device registers.",
        replaces=ADDRESS,
        rule=rules.registration_id,
        normal=rules.lower,
    )
    device_id: str | None = prop(
        "The device's id in the hub; by default its registration id.", default=None, rule=rules.device_id
    )
    client_certificate: str | None = prop(
        "Attestation by the device's own certificate (PEM).",
        default=None,
        rule=rules.leaf,
        normal=rules.same_certificate,
    )
    secondary_client_certificate: str | None = prop(
        "A second certificate, for a renewal with an overlap (PEM).",
        default=None,
        rule=rules.leaf,
        normal=rules.same_certificate,
    )
    endorsement_key: str | None = prop(
        "Attestation by the device's TPM: the public part of its endorsement key (base64 of TPM2B_PUBLIC).",
        default=None,
        rule=tpm.endorsement_key,
        normal=rules.compact,
    )
    optional_device_information: Mapping[str, Any] = prop(
        "What people and programs want to know about the device.", default={}, rule=twins.tags
    )


@dataclass(frozen=True, kw_only=True)
class Registration:
    """Where the device is, once it has registered."""

    status: str = prop("unassigned, assigning, assigned, failed or disabled.", default="")
    assigned_hub: str = prop("Host name of its hub.", default="")
    device_id: str = prop("Its id in the hub.", default="")


@dataclass(frozen=True, kw_only=True)
class Outputs(Version):
    """What the service adds."""

    registration_state: Registration | None = prop("Where the device is, if it has registered.", default=None)  # noqa: RUF009 - prop makes the field


Individual: TypeAlias = State[Inputs, Outputs]


class IndividualEnrollment(EnrollmentHandler[Inputs, Outputs]):
    """Individual enrollments of a provisioning service."""

    token = "muster:dps:IndividualEnrollment"  # noqa: S105 - a type token
    title = INDIVIDUAL.title
    doc = "A DPS enrollment of one device: by its certificate, a CA's, its TPM, or a symmetric key."
    inputs = Inputs
    outputs = Outputs
    kind = INDIVIDUAL
    id_form = re.compile(r"(?P<host>[^/]+)/enrollments/(?P<name>[^/]+)")
    id_right = "<service operations host>/enrollments/<registration id>"

    def resource_id(self, inputs: Inputs) -> str:
        """`{serviceHost}/enrollments/{registrationId}`."""
        return f"{inputs.service_host}/enrollments/{inputs.registration_id}".lower()

    def who(self, inputs: Inputs) -> enrollment_notices.Who:
        """The one device."""
        return enrollment_notices.individual(inputs.registration_id)

    def blank(self, host: str, name: str, api_version: str) -> Inputs:
        """An enrollment of this registration id."""
        return Inputs(service_host=host, registration_id=name, api_version=api_version, iot_hubs=())

    def between(self, inputs: Inputs) -> Iterable[Fault]:
        """As for every enrollment; and a certificate is of this device."""
        yield from super().between(inputs)
        for name in ("clientCertificate", "secondaryClientCertificate"):
            yield from _foreign(name, inputs)

    def notices(self, old: Inputs | None, new: Inputs) -> tuple[Notice, ...]:
        """As for every enrollment; and what another device id does."""
        said = super().notices(old, new)
        if old is None or old.device_id == new.device_id:
            return said
        text = (
            f"deviceId: at its next provisioning device {new.registration_id} registers under the new id; "
            "the device of the old id stays in its hub until somebody deletes it there"
        )
        return (*said, Notice(text, warning=True))

    def body(self, inputs: Inputs, current: Document) -> Document:
        """The common body, and what one device has beyond it."""
        made = common_body(self.kind, inputs, current)
        if inputs.device_id is not None:
            made["deviceId"] = inputs.device_id
        if inputs.optional_device_information:
            made["optionalDeviceInformation"] = dict(inputs.optional_device_information)
        return made

    def seen(self, inputs: Inputs, document: Document) -> Individual:
        """The enrollment as the service has it."""
        live = replace(
            merged(self.kind, inputs, document),
            device_id=document.get("deviceId") or None,
            optional_device_information=bare(document.get("optionalDeviceInformation")),
        )
        registered = _registration(document.get("registrationState"))
        return State(live, Outputs(etag=etag(document), registration_state=registered))


def _foreign(name: str, inputs: Inputs) -> Iterable[Fault]:
    text = inputs.client_certificate if name == "clientCertificate" else inputs.secondary_client_certificate
    wanted: Plain = inputs.registration_id
    if not isinstance(text, str) or wanted is UNKNOWN:
        return
    names = rules.common_names(text)
    if names and wanted.lower() not in {each.lower() for each in names}:
        yield Fault(
            name,
            f"is of {', '.join(names)} (the common name); DPS takes a certificate whose common name is the "
            f"registration id {wanted}",
        )


def _registration(told: Document | None) -> Registration | None:
    if not told or told.get("status") in (None, "unassigned"):
        return None
    return Registration(
        status=str(told["status"]),
        assigned_hub=str(told.get("assignedHub") or ""),
        device_id=str(told.get("deviceId") or ""),
    )
