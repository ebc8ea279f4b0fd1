"""Client certificates: registered with a CA or without, issued for a CSR, switched on and off.

States as API_UpdateCertificate and API_DeleteCertificate have them. Not documented: whether a revoked
certificate may become active again; here it may not. Transfers are refused: there is one account.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cryptography import x509 as pyca
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding

from localcloud.aws.api import ApiError, Operation, for_anyone
from localcloud.aws.iot import x509
from localcloud.aws.iot.paging import marked_page
from localcloud.aws.iot.refusals import invalid, not_found
from localcloud.aws.place import Place

_CERTIFICATES = "aws-certificate"
_SETTABLE = ("ACTIVE", "INACTIVE", "REVOKED")
_AT_FIRST = (*_SETTABLE, "PENDING_ACTIVATION")
DEFAULT, SNI_ONLY = "DEFAULT", "SNI_ONLY"


@dataclass(frozen=True)
class Certificate:
    """A registered certificate; `ca_id` is the registered CA's, None for AWS' own and those without one."""

    id: str
    arn: str
    pem: str
    status: str
    ca_id: str | None
    mode: str
    created: float
    modified: float
    version: int = 1

    @property
    def is_active(self) -> bool:
        """Whether devices may connect with it."""
        return self.status == "ACTIVE"


class Certificates:
    """Certificates by id. Others set `check_issuer` (of CSRs), and what concerns things and policies."""

    def __init__(self, place: Place, own: x509.OwnAuthority) -> None:
        self._place = place
        self._own = own
        self._watchers: list[Callable[[Certificate], None]] = []
        self.things_of: Callable[[str], list[str]] = lambda _identity: []
        self.policies_of: Callable[[str], list[str]] = lambda _arn: []
        self.check_issuer: Callable[[], None] = lambda: None
        self.drop_policies: Callable[[str], None] = lambda _arn: None

    def operations(self) -> dict[str, Operation]:
        """The control plane's part; RegisterCertificate and ListCertificatesByCA are `authorities`',
        CreateCertificateFromCsr is `csr_signing`'s.
        """
        return for_anyone(
            {
                "CreateKeysAndCertificate": self._with_keys,
                "RegisterCertificateWithoutCA": self._without_authority,
                "DescribeCertificate": self._describe,
                "UpdateCertificate": self._update,
                "DeleteCertificate": self._delete,
                "ListCertificates": self._list,
                "TransferCertificate": _no_transfer,
            }
        )

    # for others

    def by_fingerprint(self, identity: str) -> Certificate | None:
        """The certificate with this id: the SHA-256 of its DER, in hex."""
        known = self._place.store.get(_CERTIFICATES, identity)
        return Certificate(**known) if known else None

    def require(self, identity: str) -> Certificate:
        """One that is there. Raises ApiError."""
        found = self.by_fingerprint(identity)
        if found is None:
            raise not_found("Certificate", identity)
        return found

    def identity(self, arn: str) -> str | None:
        """The id in an ARN of a certificate that is there; None for anything else."""
        prefix, _, found = (self._place.resource(arn) or "").partition("/")
        return found if prefix == "cert" and self.by_fingerprint(found) else None

    def require_arn(self, arn: str) -> str:
        """The id in an ARN. Raises ApiError when it is none of a certificate that is there."""
        if not (self._place.resource(arn) or "").startswith("cert/"):
            raise invalid(
                f"{arn} is no principal that this account knows: an ARN of a certificate is needed."
            )
        found = self.identity(arn)
        if found is None:
            raise not_found("Certificate", arn)
        return found

    def all(self) -> list[Certificate]:
        """Every certificate, sorted by id."""
        return [Certificate(**it) for _, it in self._place.store.list(_CERTIFICATES)]

    def register(self, pem: str, status: str, ca_id: str | None = None, mode: str = DEFAULT) -> Certificate:
        """A certificate that somebody else issued. Raises ApiError, also when it is registered already."""
        certificate = x509.read(pem, "certificatePem")
        if not x509.lasts(certificate, self._place.clock.now()):
            raise x509.invalid_certificate("it is not valid at this time")
        known = self.by_fingerprint(x509.identity(certificate))
        if known is not None:
            words = "The certificate is already provisioned or registered"
            raise ApiError(
                "ResourceAlreadyExistsException", words, resourceArn=known.arn, resourceId=known.id
            )
        return self._keep(certificate, status, ca_id, mode)

    def issue(self, csr_pem: str, status: str = "INACTIVE") -> Certificate:
        """A certificate of AWS IoT's own authority, for a CSR. Raises ApiError."""
        self.check_issuer()
        return self._keep(self._own.issue(csr_pem, self._place.clock.now()), status, None, DEFAULT)

    def issue_with_key(self, status: str = "INACTIVE") -> tuple[Certificate, str, str]:
        """A certificate with a new key pair: the certificate, the public and the private key in PEM."""
        made, key = self._own.issue_with_key(self._place.clock.now())
        private = key.private_bytes(
            Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        public = key.public_key().public_bytes(Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        return self._keep(made, status, None, DEFAULT), public.decode(), private.decode()

    def set_status(self, identity: str, status: str) -> Certificate:
        """Switch it. Raises ApiError when it may not go there."""
        known = self.require(identity)
        if status not in _SETTABLE:
            raise invalid(f"A certificate's status cannot be set to {status}.")
        if known.status == "REVOKED" and status != "REVOKED":
            raise ApiError("CertificateStateException", f"Certificate {identity} is revoked.", 406)
        changed = replace(known, status=status, modified=self._place.now(), version=known.version + 1)
        self._save(changed)
        self._tell(changed)
        return changed

    def on_change(self, watcher: Callable[[Certificate], None]) -> None:
        """Call `watcher` with every certificate whose status changed, or that was deleted (REVOKED)."""
        self._watchers.append(watcher)

    def delete(self, identity: str, *, force: bool = False) -> None:
        """Forget it. Raises ApiError while it is active, or anything is attached."""
        known = self.require(identity)
        if known.is_active:
            words = f"Certificate must be deactivated before deletion (not ACTIVE): {identity}"
            raise ApiError("CertificateStateException", words, 406)
        if self.things_of(identity):
            raise ApiError(
                "DeleteConflictException", f"Things must be detached before deletion (arn: {known.arn})"
            )
        if self.policies_of(known.arn) and not force:
            words = f"Certificate policies must be detached before deletion (arn: {known.arn})"
            raise ApiError("DeleteConflictException", words)
        with self._place.store.transaction():
            self.drop_policies(known.arn)
            self._place.store.delete(_CERTIFICATES, identity)
        self._tell(replace(known, status="REVOKED"))

    # the control plane

    def _with_keys(self, params: dict[str, Any]) -> dict[str, Any]:
        made, public, private = self.issue_with_key(status_at_first(params))
        return {**issued(made), "keyPair": {"PublicKey": public, "PrivateKey": private}}

    def _without_authority(self, params: dict[str, Any]) -> dict[str, Any]:
        status = checked_first_status(params.get("status") or "INACTIVE")
        made = self.register(params["certificatePem"], status, None, SNI_ONLY)
        return {"certificateArn": made.arn, "certificateId": made.id}

    def _describe(self, params: dict[str, Any]) -> dict[str, Any]:
        known = self.require(params["certificateId"])
        parsed = pyca.load_pem_x509_certificate(known.pem.encode())
        description = {
            **listed(known),
            "caCertificateId": known.ca_id,
            "certificatePem": known.pem,
            "ownedBy": self._place.account,
            "lastModifiedDate": known.modified,
            "customerVersion": known.version,
            "generationId": known.id[:32],
            "validity": validity(parsed),
        }
        return {"certificateDescription": description}

    def _update(self, params: dict[str, Any]) -> dict[str, Any]:
        self.set_status(params["certificateId"], params["newStatus"])
        return {}

    def _delete(self, params: dict[str, Any]) -> dict[str, Any]:
        self.delete(params["certificateId"], force=bool(params.get("forceDelete")))
        return {}

    def _list(self, params: dict[str, Any]) -> dict[str, Any]:
        return certificates_page(self.all(), params)

    def _keep(self, certificate: pyca.Certificate, status: str, ca_id: str | None, mode: str) -> Certificate:
        identity, now = x509.identity(certificate), self._place.now()
        arn = self._place.arn(f"cert/{identity}")
        made = Certificate(identity, arn, x509.pem(certificate), status, ca_id, mode, now, now)
        self._save(made)
        return made

    def _save(self, known: Certificate) -> None:
        self._place.store.put(_CERTIFICATES, known.id, dict(vars(known)))

    def _tell(self, changed: Certificate) -> None:
        for watcher in self._watchers:
            watcher(changed)


def issued(made: Certificate) -> dict[str, Any]:
    """A new certificate as its creation is answered."""
    return {"certificateArn": made.arn, "certificateId": made.id, "certificatePem": made.pem}


def listed(known: Certificate) -> dict[str, Any]:
    """A certificate as lists show it."""
    return {
        "certificateArn": known.arn,
        "certificateId": known.id,
        "status": known.status,
        "certificateMode": known.mode,
        "creationDate": known.created,
    }


def certificates_page(found: list[Certificate], params: dict[str, Any]) -> dict[str, Any]:
    """A page of a list, ordered by the time of creation."""
    return marked_page(
        "certificates",
        [listed(it) for it in found],
        lambda it: f"{it['creationDate']:020.3f}/{it['certificateId']}",
        params,
    )


def validity(certificate: pyca.Certificate) -> dict[str, Any]:
    """notBefore and notAfter."""
    return {
        "notBefore": certificate.not_valid_before_utc,
        "notAfter": certificate.not_valid_after_utc,
    }


def checked_first_status(status: str) -> str:
    """A status that a certificate may be registered with. Raises ApiError."""
    if status not in _AT_FIRST:
        raise invalid(f"A certificate cannot be registered with status {status}.")
    return status


def status_at_first(params: dict[str, Any]) -> str:
    """As `setAsActive` asks."""
    return "ACTIVE" if params.get("setAsActive") else "INACTIVE"


def _no_transfer(_params: dict[str, Any]) -> dict[str, Any]:
    raise invalid("Certificates cannot be transferred: the local cloud has one account.")
