"""muster:dps:VerifiedCertificate: a CA that a provisioning service trusts, because its owner proved to hold
the key.

ARM API 2026-11-01. The service gives a code, the CA's signer issues a certificate for it, the service
checks that one: `isVerified` is never set by fiat. The signer comes from the key store; no private key
passes through here."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from certs.chain import fingerprint, parse_certificates
from certs.errors import CertsError
from certs.possession import prove
from certs.signers import Signer
from provider.clients.errors import ClientError, StaleError
from provider.differing import Change, ChangeKind
from provider.errors import InitFailedError, ProofError
from provider.fields import prop
from provider.handlers import rules
from provider.resource import Handler, Made, Notice, State

Document: TypeAlias = dict[str, Any]

_ADDRESS = "it is part of the certificate's address"
_ID = re.compile(r"(?P<service>/subscriptions/.+)/certificates/(?P<name>[^/]+)", re.IGNORECASE)


class Certificates(Protocol):
    """What this handler needs of ARM."""

    def get(self, name: str) -> Document | None:
        """The certificate's document, or None."""

    def put(self, name: str, der: bytes, if_match: str | None = None) -> Document:
        """Upload, unverified."""

    def verification_code(self, name: str, etag: str) -> tuple[str, str]:
        """A code to sign, and the ETag after that."""

    def verify(self, name: str, proof_der: bytes, etag: str) -> Document:
        """Hand in the proof."""

    def delete(self, name: str, etag: str) -> None:
        """Delete; gone already is no error. Raises StaleError."""


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What the program says."""

    provisioning_service_id: str = prop(
        "ARM id of the provisioning service.",
        replaces=_ADDRESS,
        rule=rules.service_id,
        normal=rules.lower,
    )
    certificate_name: str = prop(
        "Name of the certificate in the service.",
        replaces=_ADDRESS,
        rule=rules.certificate_name,
        normal=rules.lower,
    )
    certificate: str = prop(
        "The CA certificate (PEM, public).", rule=rules.authority, normal=rules.same_certificate
    )


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What the service says."""

    thumbprint: str = prop("SHA-1 thumbprint, as Azure shows it.", default="")
    subject: str = prop("Subject of the certificate.", default="")
    expiry: str = prop("When the certificate ends (RFC 1123).", default="")
    is_verified: bool = prop("Whether possession of the key was proven.", default=False)
    etag: str = prop("The version of the certificate.", default="")


Certificate: TypeAlias = State[Inputs, Outputs]


class VerifiedCertificate(Handler[Inputs, Outputs]):
    """CA certificates of a provisioning service, proven.

    `certificates` gives the client for a service's id, `signer_for` the signer of a CA (raising CertsError).
    """

    token = "muster:dps:VerifiedCertificate"  # noqa: S105 - a type token
    title = "verified certificate"
    doc = "A CA certificate in a provisioning service, with true proof of possession of its key."
    inputs = Inputs
    outputs = Outputs

    def __init__(
        self,
        certificates: Callable[[str], Certificates],
        signer_for: Callable[[x509.Certificate], Signer],
    ) -> None:
        self._certificates = certificates
        self._signer_for = signer_for

    def resource_id(self, inputs: Inputs) -> str:
        """`{provisioningServiceId}/certificates/{certificateName}`."""
        return f"{inputs.provisioning_service_id}/certificates/{inputs.certificate_name}"

    def create(self, inputs: Inputs) -> Made[Outputs]:
        """Upload the certificate and prove it. Without a signer nothing is uploaded."""
        client = self._certificates(inputs.provisioning_service_id)
        document = client.get(inputs.certificate_name)
        if document is not None:
            notice = self.adopt(
                _named(inputs),
                inputs,
                _live(inputs, document).inputs,
                differs="is another certificate",
                same="the very same certificate",
            )
            return Made(self._proven(client, inputs, document), (notice,))
        signer = self._signer(_parse(inputs.certificate))
        document = client.put(inputs.certificate_name, _der(_parse(inputs.certificate)))
        return Made(self._proven(client, inputs, document, signer))

    def read(self, resource_id: str, known: Certificate | None) -> Certificate | None:
        """The certificate as it is in the service."""
        right = "<ARM id of the provisioning service>/certificates/<name>"
        match = rules.id_parts(_ID, resource_id, "a verified certificate", right)
        document = self._certificates(match["service"]).get(match["name"])
        if document is None:
            return None
        address = Inputs(
            provisioning_service_id=match["service"],
            certificate_name=match["name"],
            certificate=known.inputs.certificate if known else "",
        )
        return _live(address, document)

    def update(self, old: Certificate, new: Inputs) -> Made[Outputs]:
        """Bring in another certificate, or prove again what has lost its proof."""
        client = self._certificates(new.provisioning_service_id)
        document = client.get(new.certificate_name)
        if document is None:
            raise self.gone(_named(new))
        current = _live(new, document).inputs
        if not self.differing(new, current):
            return Made(self._proven(client, new, document))
        if self.differing(old.inputs, current):
            versions = (old.outputs.etag, str(document.get("etag")))
            raise self.overtaken(_named(new), old.inputs, current, versions)
        signer = self._signer(_parse(new.certificate))
        document = client.put(new.certificate_name, _der(_parse(new.certificate)), document.get("etag"))
        return Made(self._proven(client, new, document, signer))

    def delete(self, resource_id: str) -> None:
        """Remove it, whatever its version."""
        service, _, name = resource_id.rpartition("/certificates/")
        client = self._certificates(service)
        if (document := client.get(name)) is None:
            return
        try:
            client.delete(name, str(document.get("etag")))
        except StaleError:
            latest = client.get(name) or document
            client.delete(name, str(latest.get("etag")))

    def notices(self, old: Inputs | None, new: Inputs) -> tuple[Notice, ...]:
        """A change of the certificate takes the old one away first."""
        if old is None or not self.differing(old, new):
            return ()
        text = (
            f"certificate {new.certificate_name} is replaced in place: until the new one is proven, and "
            "after that for good, devices below the old one are refused; a second resource makes an overlap"
        )
        return (Notice(text, warning=True),)

    def drift(self, outputs: Outputs) -> tuple[Change, ...]:
        """A certificate that lost its proof is proven again."""
        if outputs.is_verified is not False:
            return ()
        return (Change("isVerified", ChangeKind.UPDATE, is_input=False),)

    def _proven(
        self, client: Certificates, inputs: Inputs, document: Document, signer: Signer | None = None
    ) -> Outputs:
        if _outputs(document).is_verified:
            return _outputs(document)
        certificate = _parse(inputs.certificate)
        signer = signer or self._signer(certificate)
        try:
            code, etag = client.verification_code(inputs.certificate_name, str(document.get("etag")))
            proof = prove(signer, certificate, code)
            proven = _outputs(client.verify(inputs.certificate_name, _der(proof), etag))
        except (ClientError, CertsError) as error:
            raise InitFailedError(
                [f"{_named(inputs)} is uploaded, but not verified: {error}"], _outputs(document)
            ) from error
        if not proven.is_verified:
            raise InitFailedError([f"{_named(inputs)}: the service did not accept the proof"], proven)
        return proven

    def _signer(self, certificate: x509.Certificate) -> Signer:
        try:
            return self._signer_for(certificate)
        except CertsError as error:
            subject = certificate.subject.rfc4514_string()
            raise ProofError(
                f"possession of {subject} (SHA-256 {fingerprint(certificate)}) cannot be proven: {error}. "
                "Point MUSTER_KEY_STORE at the store that holds its key; or, when somebody else holds it, "
                "upload it with `az iot dps certificate create`, let them sign the code of `az iot dps "
                "certificate generate-verification-code`, hand that in with `az iot dps certificate verify`, "
                f"and then `pulumi import {self.token}`"
            ) from error


def _named(inputs: Inputs) -> str:
    return f"certificate {inputs.certificate_name} of {inputs.provisioning_service_id.rpartition('/')[2]}"


def _parse(text: str) -> x509.Certificate:
    return parse_certificates(text.encode(), "certificate")[0]


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _live(address: Inputs, document: Document) -> Certificate:
    inputs = Inputs(
        provisioning_service_id=address.provisioning_service_id,
        certificate_name=address.certificate_name,
        certificate=_certificate_text(address.certificate, document),
    )
    return State(inputs, _outputs(document))


def _certificate_text(known: str, document: Document) -> str:
    # Some API versions answer without the certificate: then the thumbprint tells if it is the one we know.
    properties = document.get("properties") or {}
    if properties.get("certificate"):
        return rules.pem_from_service(properties["certificate"])
    thumbprint = str(properties.get("thumbprint") or "").lower()
    same = known and _parse(known).fingerprint(hashes.SHA1()).hex() == thumbprint  # noqa: S303 - Azure's name for it
    return known if same else ""


def _outputs(document: Document) -> Outputs:
    properties = document.get("properties") or {}
    return Outputs(
        thumbprint=str(properties.get("thumbprint") or ""),
        subject=str(properties.get("subject") or ""),
        expiry=str(properties.get("expiry") or ""),
        is_verified=properties.get("isVerified") is True,
        etag=str(document.get("etag") or ""),
    )
