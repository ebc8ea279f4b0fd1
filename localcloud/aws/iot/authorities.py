"""CA certificates: proof of possession, auto registration, and which CA issued a leaf.

RegisterCACertificate (API reference): in DEFAULT mode a verification certificate signed by the CA's key, its
common name the registration code; in SNI_ONLY mode none. Up to 10 with the same subject.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cryptography import x509 as pyca

from localcloud.aws.api import ApiError, Operation, for_anyone
from localcloud.aws.iot import x509
from localcloud.aws.iot.certificates import (
    DEFAULT,
    SNI_ONLY,
    Certificates,
    certificates_page,
    checked_first_status,
    validity,
)
from localcloud.aws.iot.paging import marked_page
from localcloud.aws.iot.refusals import invalid, limited, not_found
from localcloud.aws.iot.tags import Tags
from localcloud.aws.place import Place

_AUTHORITIES = "aws-authority"
_SETTINGS = "aws-iot-settings"
_CODE = "registration-code"
MOST_OF_ONE_SUBJECT = 10


@dataclass(frozen=True)
class Authority:
    """A registered CA. `template` names a template, `template_body` is one that stands here."""

    id: str
    arn: str
    pem: str
    status: str
    mode: str
    auto_registration: bool
    created: float
    modified: float
    subject: str
    template: str | None = None
    template_body: str | None = None
    role_arn: str | None = None
    version: int = 1

    @property
    def certificate(self) -> pyca.Certificate:
        """The CA certificate."""
        return pyca.load_pem_x509_certificate(self.pem.encode())

    @property
    def is_active(self) -> bool:
        """Whether it may vouch for certificates."""
        return self.status == "ACTIVE"


class Authorities:
    """CAs by id. `check_template` (others set it) raises ApiError for a template that no CA can use."""

    def __init__(self, place: Place, certificates: Certificates, tags: Tags) -> None:
        self._place = place
        self._certificates = certificates
        self._tags = tags
        self.check_template: Callable[[str], None] = lambda _name: None

    def operations(self) -> dict[str, Operation]:
        """The control plane's part."""
        return for_anyone(
            {
                "GetRegistrationCode": lambda _params: {"registrationCode": self.registration_code()},
                "DeleteRegistrationCode": self._delete_code,
                "RegisterCACertificate": self._register,
                "DescribeCACertificate": self._describe,
                "UpdateCACertificate": self._update,
                "DeleteCACertificate": self._delete,
                "ListCACertificates": self._list,
                "RegisterCertificate": self._register_certificate,
                "ListCertificatesByCA": self._list_certificates,
            }
        )

    # for others

    def get(self, identity: str) -> Authority | None:
        """A CA by its id."""
        known = self._place.store.get(_AUTHORITIES, identity)
        return Authority(**known) if known else None

    def all(self) -> list[Authority]:
        """Every CA."""
        return [Authority(**it) for _, it in self._place.store.list(_AUTHORITIES)]

    def issuer_of(self, leaf: pyca.Certificate) -> Authority | None:
        """The registered, active, valid CA whose key signed this certificate."""
        return next((it for it in self._issuers(leaf) if self._vouches(it)), None)

    def registration_code(self) -> str:
        """The account's, made when it is first asked for."""
        known = self._place.store.get(_SETTINGS, _CODE)
        if known is None:
            known = {"code": secrets.token_hex(32)}
            self._place.store.put(_SETTINGS, _CODE, known)
        return str(known["code"])

    def deactivate(self, identity: str) -> None:
        """Switch a CA off. Raises ApiError when there is none."""
        known = self._require(identity)
        changed = replace(known, status="INACTIVE", modified=self._place.now(), version=known.version + 1)
        self._save(changed)

    # the control plane

    def _delete_code(self, _params: dict[str, Any]) -> dict[str, Any]:
        if not self._place.store.delete(_SETTINGS, _CODE):
            raise not_found("Registration code of account", self._place.account)
        return {}

    def _register(self, params: dict[str, Any]) -> dict[str, Any]:
        certificate = x509.read(params["caCertificate"], "caCertificate")
        if not x509.is_authority(certificate):
            raise x509.invalid_certificate("it is no CA certificate (CA:TRUE and keyCertSign)")
        if not x509.lasts(certificate, self._place.clock.now()):
            raise x509.invalid_certificate("the CA certificate is not valid at this time")
        mode = params.get("certificateMode") or DEFAULT
        self._check_possession(mode, certificate, params.get("verificationCertificate"))
        made = self._new(certificate, mode, params)
        self._check_new(made)
        self._tags.put(made.arn, params.get("tags") or [])
        self._save(made)
        return {"certificateArn": made.arn, "certificateId": made.id}

    def _new(self, certificate: pyca.Certificate, mode: str, params: dict[str, Any]) -> Authority:
        identity, now = x509.identity(certificate), self._place.now()
        return Authority(
            id=identity,
            arn=self._place.arn(f"cacert/{identity}"),
            pem=x509.pem(certificate),
            status="ACTIVE" if params.get("setAsActive") else "INACTIVE",
            mode=mode,
            auto_registration=bool(params.get("allowAutoRegistration")),
            created=now,
            modified=now,
            subject=certificate.subject.public_bytes().hex(),
            **self._registration(params.get("registrationConfig")),
        )

    def _check_possession(self, mode: str, certificate: pyca.Certificate, verification: str | None) -> None:
        if mode == SNI_ONLY:
            if verification:
                raise invalid("In certificate mode SNI_ONLY, verificationCertificate must be empty.")
            return
        if not verification:
            raise invalid("verificationCertificate is required, unless the certificate mode is SNI_ONLY.")
        proof = x509.read(verification, "verificationCertificate")
        if x509.common_name(proof) != self.registration_code():
            words = "The common name of the verification certificate is not the account's registration code."
            raise ApiError("RegistrationCodeValidationException", words)
        if not x509.is_signed_by(proof, certificate):
            raise x509.invalid_certificate("the verification certificate is not signed by the CA certificate")

    def _check_new(self, made: Authority) -> None:
        known = self.get(made.id)
        if known is not None:
            words = "CA certificate is already registered"
            raise ApiError(
                "ResourceAlreadyExistsException", words, resourceArn=known.arn, resourceId=known.id
            )
        if sum(it.subject == made.subject for it in self.all()) >= MOST_OF_ONE_SUBJECT:
            raise limited(f"{MOST_OF_ONE_SUBJECT} CA certificates with this subject are registered.")

    def _registration(self, given: dict[str, Any] | None) -> dict[str, Any]:
        """Template and role of a registration configuration. Raises ApiError."""
        given = given or {}
        if given.get("templateName") and given.get("templateBody"):
            raise invalid("templateName and templateBody exclude each other.")
        if given.get("templateName"):
            self.check_template(given["templateName"])
        elif bool(given.get("templateBody")) != bool(given.get("roleArn")):
            raise invalid("A registration configuration's templateBody and roleArn go together.")
        return {
            "template": given.get("templateName"),
            "template_body": given.get("templateBody"),
            "role_arn": given.get("roleArn"),
        }

    def _describe(self, params: dict[str, Any]) -> dict[str, Any]:
        known = self._require(params["certificateId"])
        description = {
            **_listed(known),
            "certificatePem": known.pem,
            "ownedBy": self._place.account,
            "autoRegistrationStatus": "ENABLE" if known.auto_registration else "DISABLE",
            "lastModifiedDate": known.modified,
            "customerVersion": known.version,
            "generationId": known.id[:32],
            "validity": validity(known.certificate),
            "certificateMode": known.mode,
        }
        held = {
            "templateName": known.template,
            "templateBody": known.template_body,
            "roleArn": known.role_arn,
        }
        return {
            "certificateDescription": description,
            "registrationConfig": held if any(held.values()) else None,
        }

    def _update(self, params: dict[str, Any]) -> dict[str, Any]:
        known = self._require(params["certificateId"])
        changes: dict[str, Any] = {"modified": self._place.now(), "version": known.version + 1}
        if params.get("newStatus"):
            changes["status"] = params["newStatus"]
        if params.get("newAutoRegistrationStatus"):
            changes["auto_registration"] = params["newAutoRegistrationStatus"] == "ENABLE"
        if params.get("removeAutoRegistration"):
            changes |= {"auto_registration": False, "template": None, "template_body": None, "role_arn": None}
        if params.get("registrationConfig"):
            changes |= self._registration(params["registrationConfig"])
        self._save(replace(known, **changes))
        return {}

    def _delete(self, params: dict[str, Any]) -> dict[str, Any]:
        known = self._require(params["certificateId"])
        if known.is_active:
            words = f"CA certificate {known.id} must be INACTIVE before it is deleted"
            raise ApiError("CertificateStateException", words, 406)
        self._place.store.delete(_AUTHORITIES, known.id)
        self._tags.forget(known.arn)
        return {}

    def _list(self, params: dict[str, Any]) -> dict[str, Any]:
        wanted = params.get("templateName")
        found = [_listed(it) for it in self.all() if wanted in (None, it.template)]
        return marked_page(
            "certificates", found, lambda it: f"{it['creationDate']:020.3f}/{it['certificateId']}", params
        )

    def _register_certificate(self, params: dict[str, Any]) -> dict[str, Any]:
        """The CA must be registered and active; with several of one subject it must be named."""
        leaf = x509.read(params["certificatePem"], "certificatePem")
        issuer = self._issuer_for(leaf, params.get("caCertificatePem"))
        if not issuer.is_active:
            raise ApiError("CertificateStateException", f"CA certificate {issuer.id} is not active.", 406)
        status = params.get("status") or ("ACTIVE" if params.get("setAsActive") else "INACTIVE")
        made = self._certificates.register(
            params["certificatePem"], checked_first_status(status), issuer.id, issuer.mode
        )
        return {"certificateArn": made.arn, "certificateId": made.id}

    def _issuer_for(self, leaf: pyca.Certificate, named: str | None) -> Authority:
        if named is None:
            found = self._issuers(leaf)
            if len(found) > 1:
                words = "Several CA certificates have this subject and key: name one as caCertificatePem."
                raise ApiError("CertificateConflictException", words)
        else:
            known = self.get(x509.identity(x509.read(named, "caCertificatePem")))
            found = [known] if known and x509.is_signed_by(leaf, known.certificate) else []
        if not found:
            raise x509.invalid_certificate("no registered CA certificate has signed it")
        return found[0]

    def _list_certificates(self, params: dict[str, Any]) -> dict[str, Any]:
        wanted = params["caCertificateId"]
        return certificates_page([it for it in self._certificates.all() if it.ca_id == wanted], params)

    def _issuers(self, leaf: pyca.Certificate) -> list[Authority]:
        name = leaf.issuer.public_bytes().hex()
        return [it for it in self.all() if it.subject == name and x509.is_signed_by(leaf, it.certificate)]

    def _vouches(self, known: Authority) -> bool:
        return known.is_active and x509.lasts(known.certificate, self._place.clock.now())

    def _require(self, identity: str) -> Authority:
        found = self.get(identity)
        if found is None:
            raise not_found("CA certificate", identity)
        return found

    def _save(self, known: Authority) -> None:
        self._place.store.put(_AUTHORITIES, known.id, dict(vars(known)))


def _listed(known: Authority) -> dict[str, Any]:
    return {
        "certificateArn": known.arn,
        "certificateId": known.id,
        "status": known.status,
        "creationDate": known.created,
    }
