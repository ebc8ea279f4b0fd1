"""How devices prove to the provisioning service who they are. No secret stands in a description.

DPS service API 2021-10-01, `AttestationMechanism`: x509 (with certificates or `caReferences`), symmetricKey,
tpm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fleet.constraints import Doc, NotOn, Text
from fleet.description.names import IssuerKey, ProjectPath

EndorsementKey = Annotated[
    str,
    Text("[A-Za-z0-9+/]{1,4000}={0,2}", "TPM endorsement key", "the public key of the TPM in base64"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class X509:
    """By a certificate that a known intermediate signed; the enrollment holds the intermediate itself."""

    issuer: Annotated[IssuerKey, Doc("The issuer that signs the devices: a key of identity.issuers.")]
    secondary: Annotated[
        IssuerKey | None,
        Doc("A second issuer whose devices are taken too, as while intermediates are changed."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaReference:
    """By a certificate that a known CA signed; the enrollment names the CA, the service holds it."""

    NOT_ON: ClassVar[NotOn] = NotOn(
        "aws",
        "AWS IoT knows a device's CA as the one that signed it, not as one further up its chain",
        "say x509 with the issuer, or leave aws out of its clouds",
    )

    issuer: Annotated[
        IssuerKey, Doc("The CA in the chain of the devices: a key of identity.issuers, or root for the root.")
    ]
    secondary: Annotated[
        IssuerKey | None, Doc("A second CA whose devices are taken too, as while CAs are changed.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SymmetricKey:
    """By a key. Azure makes it; it stands in no description, state or output."""

    NOT_ON: ClassVar[NotOn] = NotOn(
        "aws",
        "AWS IoT takes no symmetric keys: a device shows a certificate",
        "attest by x509, or leave aws out of its clouds",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """By the device's own certificate."""

    KIND: ClassVar[str] = "x509"

    certificate: Annotated[
        ProjectPath, Doc("PEM file of the device's certificate, relative to the project's root.")
    ]
    secondary: Annotated[
        ProjectPath | None,
        Doc("PEM file of a second one that is taken too, as while certificates are renewed."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tpm:
    """By a trusted platform module."""

    NOT_ON: ClassVar[NotOn] = NotOn(
        "aws",
        "AWS IoT attests no TPM: a device shows a certificate, whose key its TPM may hold",
        "attest by x509, or leave aws out of its clouds",
    )

    endorsement_key: Annotated[EndorsementKey, Doc("The public part of its endorsement key (EK), in base64.")]


GroupAttestation = X509 | CaReference | SymmetricKey
EnrollmentAttestation = ClientCertificate | CaReference | SymmetricKey | Tpm
