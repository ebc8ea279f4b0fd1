"""muster:dps:EnrollmentGroup: devices that enrol with a leaf of one CA, or with a key derived from one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from provider.fields import prop
from provider.handlers import enrollment_notices, rules
from provider.handlers.enrollment_documents import etag, merged
from provider.handlers.enrollment_inputs import ADDRESS, Enrollment, Kind
from provider.handlers.enrollments import EnrollmentHandler
from provider.resource import State
from provider.versioned import Document, Version

GROUP = Kind(
    title="enrollment group",
    collection="enrollmentGroups",
    identifier="enrollmentGroupId",
    certificate="signingCertificate",
    secondary="secondarySigningCertificate",
    certificates="signingCertificates",
    attestations=("signingCertificate", "authorityReference", "symmetricKey"),
)


@dataclass(frozen=True, kw_only=True)
class Inputs(Enrollment):
    """What the program says about the group."""

    enrollment_group_id: str = prop(
        "Name of the group.", replaces=ADDRESS, rule=rules.group_id, normal=rules.lower
    )
    signing_certificate: str | None = prop(
        "Attestation by the intermediate that issues the devices' certificates (PEM).",
        default=None,
        rule=rules.authority_or_fingerprint,
        normal=rules.same_certificate,
    )
    secondary_signing_certificate: str | None = prop(
        "A second intermediate, for rotation with an overlap (PEM).",
        default=None,
        rule=rules.authority_or_fingerprint,
        normal=rules.same_certificate,
    )


@dataclass(frozen=True, kw_only=True)
class Outputs(Version):
    """What the service adds."""


Group: TypeAlias = State[Inputs, Outputs]


class EnrollmentGroup(EnrollmentHandler[Inputs, Outputs]):
    """Enrollment groups of a provisioning service."""

    token = "muster:dps:EnrollmentGroup"  # noqa: S105 - a type token
    title = GROUP.title
    doc = (
        "A DPS enrollment group: devices with certificates that one authority issued, or with symmetric keys "
        "derived from the group's."
    )
    inputs = Inputs
    outputs = Outputs
    kind = GROUP
    id_form = re.compile(r"(?P<host>[^/]+)/(?P<name>[^/]+)")
    id_right = "<service operations host>/<group id>"

    def resource_id(self, inputs: Inputs) -> str:
        """`{serviceHost}/{enrollmentGroupId}`."""
        return f"{inputs.service_host}/{inputs.enrollment_group_id}".lower()

    def who(self, inputs: Inputs) -> enrollment_notices.Who:
        """The devices of the group."""
        return enrollment_notices.group(inputs.enrollment_group_id)

    def blank(self, host: str, name: str, api_version: str) -> Inputs:
        """A group of this name."""
        return Inputs(service_host=host, enrollment_group_id=name, api_version=api_version, iot_hubs=())

    def seen(self, inputs: Inputs, document: Document) -> Group:
        """The group as the service has it, under the service's spelling of its name."""
        return State(merged(self.kind, inputs, document), Outputs(etag=etag(document)))
