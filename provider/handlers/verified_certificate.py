"""muster:dps:VerifiedCertificate and muster:hub:VerifiedCertificate: a CA that a provisioning service or a
hub trusts, because its owner proved to hold the key.

ARM API 2026-11-01 of services, 2023-06-30 of hubs. The service gives a code, the CA's signer issues a
certificate for it, the service checks that one: `isVerified` is never set by fiat. The signer comes from the
key store; no private key passes through here."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar

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

ADDRESS = "it is part of the certificate's address"


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
class Certified:
    """What the program says, beside where the certificate belongs."""

    certificate_name: str = prop(
        "Name of the certificate there.",
        replaces=ADDRESS,
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


C = TypeVar("C", bound=Certified)


class CertificateHandler(Handler[C, Outputs]):
    """CA certificates of an owner (a provisioning service, a hub), proven.

    `certificates` gives the client for the owner's id, `signer_for` the signer of a CA (raising CertsError).
    """

    title = "verified certificate"
    outputs = Outputs
    service: ClassVar[str]
    """What `az iot` calls the owner: dps or hub."""
    id_form: ClassVar[re.Pattern[str]]
    id_right: ClassVar[str]

    def __init__(
        self,
        certificates: Callable[[str], Certificates],
        signer_for: Callable[[x509.Certificate], Signer],
    ) -> None:
        self._certificates = certificates
        self._signer_for = signer_for

    @abstractmethod
    def owner(self, inputs: C) -> str:
        """ARM id of what trusts the certificate."""

    @abstractmethod
    def blank(self, owner: str, name: str) -> C:
        """Inputs that hold an address, and no certificate."""

    def resource_id(self, inputs: C) -> str:
        """`{owner's id}/certificates/{certificateName}`."""
        return f"{self.owner(inputs)}/certificates/{inputs.certificate_name}"

    def create(self, inputs: C) -> Made[Outputs]:
        """Upload the certificate and prove it. Without a signer nothing is uploaded."""
        client = self._certificates(self.owner(inputs))
        document = client.get(inputs.certificate_name)
        if document is not None:
            notice = self.adopt(
                self._named(inputs),
                inputs,
                _live(inputs, document).inputs,
                differs="is another certificate",
                same="the very same certificate",
            )
            return Made(self._proven(client, inputs, document), (notice,))
        signer = self._signer(_parse(inputs.certificate))
        document = client.put(inputs.certificate_name, _der(_parse(inputs.certificate)))
        return Made(self._proven(client, inputs, document, signer))

    def read(self, resource_id: str, known: State[C, Outputs] | None) -> State[C, Outputs] | None:
        """The certificate as it is in the service."""
        match = rules.id_parts(self.id_form, resource_id, f"a {self.title}", self.id_right)
        document = self._certificates(match["owner"]).get(match["name"])
        if document is None:
            return None
        return _live(known.inputs if known else self.blank(match["owner"], match["name"]), document)

    def update(self, old: State[C, Outputs], new: C) -> Made[Outputs]:
        """Bring in another certificate, or prove again what has lost its proof."""
        client = self._certificates(self.owner(new))
        document = client.get(new.certificate_name)
        if document is None:
            raise self.gone(self._named(new))
        current = _live(new, document).inputs
        if not self.differing(new, current):
            return Made(self._proven(client, new, document))
        if self.differing(old.inputs, current):
            versions = (old.outputs.etag, str(document.get("etag")))
            raise self.overtaken(self._named(new), old.inputs, current, versions)
        signer = self._signer(_parse(new.certificate))
        document = client.put(new.certificate_name, _der(_parse(new.certificate)), document.get("etag"))
        return Made(self._proven(client, new, document, signer))

    def delete(self, resource_id: str) -> None:
        """Remove it, whatever its version."""
        owner, _, name = resource_id.rpartition("/certificates/")
        client = self._certificates(owner)
        if (document := client.get(name)) is None:
            return
        try:
            client.delete(name, str(document.get("etag")))
        except StaleError:
            latest = client.get(name) or document
            client.delete(name, str(latest.get("etag")))

    def notices(self, old: C | None, new: C) -> tuple[Notice, ...]:
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
        self, client: Certificates, inputs: C, document: Document, signer: Signer | None = None
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
                [f"{self._named(inputs)} is uploaded, but not verified: {error}"], _outputs(document)
            ) from error
        if not proven.is_verified:
            raise InitFailedError([f"{self._named(inputs)}: the service did not accept the proof"], proven)
        return proven

    def _named(self, inputs: C) -> str:
        return f"certificate {inputs.certificate_name} of {self.owner(inputs).rpartition('/')[2]}"

    def _signer(self, certificate: x509.Certificate) -> Signer:
        try:
            return self._signer_for(certificate)
        except CertsError as error:
            subject = certificate.subject.rfc4514_string()
            raise ProofError(
                f"possession of {subject} (SHA-256 {fingerprint(certificate)}) cannot be proven: {error}. "
                "Point MUSTER_KEY_STORE at the store that holds its key; or, when somebody else holds it, "
                f"upload it with `az iot {self.service} certificate create`, let them sign the code of `az "
                f"iot {self.service} certificate generate-verification-code`, hand that in with `az iot "
                f"{self.service} certificate verify`, and then `pulumi import {self.token}`"
            ) from error


def _parse(text: str) -> x509.Certificate:
    return parse_certificates(text.encode(), "certificate")[0]


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def _live(address: C, document: Document) -> State[C, Outputs]:
    text = _certificate_text(address.certificate, document)
    return State(replace(address, certificate=text), _outputs(document))


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


@dataclass(frozen=True, kw_only=True)
class Inputs(Certified):
    """A certificate of a provisioning service."""

    provisioning_service_id: str = prop(
        "ARM id of the provisioning service.",
        replaces=ADDRESS,
        rule=rules.service_id,
        normal=rules.lower,
    )


class VerifiedCertificate(CertificateHandler[Inputs]):
    """CA certificates of a provisioning service."""

    token = "muster:dps:VerifiedCertificate"  # noqa: S105 - a type token
    doc = "A CA certificate in a provisioning service, with true proof of possession of its key."
    inputs = Inputs
    service = "dps"
    id_form = re.compile(r"(?P<owner>/subscriptions/.+)/certificates/(?P<name>[^/]+)", re.IGNORECASE)
    id_right = "<ARM id of the provisioning service>/certificates/<name>"

    def owner(self, inputs: Inputs) -> str:
        """The service."""
        return inputs.provisioning_service_id

    def blank(self, owner: str, name: str) -> Inputs:
        """A certificate of this name."""
        return Inputs(provisioning_service_id=owner, certificate_name=name, certificate="")


@dataclass(frozen=True, kw_only=True)
class HubInputs(Certified):
    """A certificate of a hub."""

    hub_id: str = prop("ARM id of the hub.", replaces=ADDRESS, rule=rules.hub_id, normal=rules.lower)


class HubCertificate(CertificateHandler[HubInputs]):
    """CA certificates of a hub: it takes devices with `certificateAuthority` whose chain ends there."""

    token = "muster:hub:VerifiedCertificate"  # noqa: S105 - a type token
    doc = "A CA certificate in a hub, with true proof of possession of its key."
    inputs = HubInputs
    service = "hub"
    id_form = re.compile(r"(?P<owner>/subscriptions/.+)/certificates/(?P<name>[^/]+)", re.IGNORECASE)
    id_right = "<ARM id of the hub>/certificates/<name>"

    def owner(self, inputs: HubInputs) -> str:
        """The hub."""
        return inputs.hub_id

    def blank(self, owner: str, name: str) -> HubInputs:
        """A certificate of this name."""
        return HubInputs(hub_id=owner, certificate_name=name, certificate="")
