"""The checks of a Device Defender audit, run on this cloud's registry.

Names, severities, reason codes and thresholds: docs.aws.amazon.com/iot-device-defender/latest/devguide/
device-defender-audit-checks.html and the page of each check. Cognito has no pools here, so its checks find
nothing to look at. IOT_ROLE_ALIAS_ALLOWS_ACCESS_TO_UNUSED_SERVICES_CHECK needs what IAM knows of a role's
use, which nothing here records: it fails, and says so, as soon as there is a role alias.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509

from localcloud.aws.api import ApiError
from localcloud.aws.iot import audit_policies
from localcloud.aws.iot.audit_keys import weakness
from localcloud.aws.iot.authorities import Authorities, Authority
from localcloud.aws.iot.certificates import Certificate, Certificates
from localcloud.aws.iot.connection_history import ConnectionHistory
from localcloud.aws.iot.logging import Logging
from localcloud.aws.iot.policies import Policies
from localcloud.aws.iot.revocations import Revocations
from localcloud.aws.iot.role_aliases import RoleAliases
from localcloud.aws.roles import RolePolicies

AGE_DAYS, EXPIRING_DAYS = 365, 30
CA_EXPIRING = timedelta(days=30)
Resource = Mapping[str, Any]


@dataclass(frozen=True)
class Evidence:
    """What checks look at, now and back to `since` (seconds since 1970)."""

    account: str
    now: datetime
    since: float
    certificates: Certificates
    authorities: Authorities
    policies: Policies
    role_aliases: RoleAliases
    logging: Logging
    history: ConnectionHistory
    revocations: Revocations
    roles: RolePolicies
    settings: Mapping[str, str] = field(default_factory=dict)

    def active(self) -> list[tuple[Certificate, x509.Certificate]]:
        """Device certificates that are ACTIVE (nothing is in transfer here)."""
        found = [it for it in self.certificates.all() if it.is_active]
        return [(it, x509.load_pem_x509_certificate(it.pem.encode())) for it in found]

    def active_authorities(self) -> list[Authority]:
        """CA certificates that are ACTIVE."""
        return [it for it in self.authorities.all() if it.is_active]


@dataclass(frozen=True)
class Fault:
    """A resource that does not comply."""

    type: str
    identifier: Resource
    code: str
    words: str
    info: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What a check found among `total` resources; `failure` (code, words) when it could not be run."""

    total: int
    faults: Sequence[Fault] = ()
    failure: tuple[str, str] | None = None


@dataclass(frozen=True)
class Check:
    """One check: how bad its findings are, and how it is run."""

    severity: str
    run: Callable[[Evidence], Outcome | Awaitable[Outcome]]


def _device(known: Certificate, code: str, words: str, **info: str) -> Fault:
    identifier = {"deviceCertificateId": known.id, "deviceCertificateArn": known.arn}
    return Fault("DEVICE_CERTIFICATE", identifier, code, words, info)


def _authority(known: Authority, code: str, words: str) -> Fault:
    return Fault("CA_CERTIFICATE", {"caCertificateId": known.id}, code, words)


def _expiring(evidence: Evidence) -> Outcome:
    days = int(evidence.settings.get("CERT_EXPIRATION_THRESHOLD_IN_DAYS", EXPIRING_DAYS))
    found = evidence.active()
    faults = [
        _device(known, *verdict)
        for known, parsed in found
        if (verdict := _expiry(parsed, evidence.now, timedelta(days=days)))
    ]
    return Outcome(len(found), faults)


def _authorities_expiring(evidence: Evidence) -> Outcome:
    found = evidence.active_authorities()
    faults = [
        _authority(it, *verdict)
        for it in found
        if (verdict := _expiry(it.certificate, evidence.now, CA_EXPIRING))
    ]
    return Outcome(len(found), faults)


def _expiry(certificate: x509.Certificate, now: datetime, within: timedelta) -> tuple[str, str] | None:
    ends = certificate.not_valid_after_utc
    if ends <= now:
        return "CERTIFICATE_PAST_EXPIRATION", "Certificate is past its expiration date."
    if ends <= now + within:
        return "CERTIFICATE_APPROACHING_EXPIRATION", f"Certificate expires within {within.days} days."
    return None


def _age(evidence: Evidence) -> Outcome:
    """The page counts the days that a certificate "has been active"; here since it was registered."""
    days = int(evidence.settings.get("CERT_AGE_THRESHOLD_IN_DAYS", AGE_DAYS))
    found = evidence.active()
    oldest = (evidence.now - timedelta(days=days)).timestamp()
    words = f"Certificate has been active for {days} days or more."
    faults = [_device(it, "CERTIFICATE_PAST_AGE_THRESHOLD", words) for it, _ in found if it.created <= oldest]
    return Outcome(len(found), faults)


def _keys(evidence: Evidence) -> Outcome:
    found = evidence.active()
    faults = [
        _device(known, code, "The certificate's key has a known weakness.")
        for known, parsed in found
        if (code := weakness(parsed.public_key()))
    ]
    return Outcome(len(found), faults)


def _authority_keys(evidence: Evidence) -> Outcome:
    found = evidence.active_authorities()
    faults = [
        _authority(it, code, "The CA certificate's key has a known weakness.")
        for it in found
        if (code := weakness(it.certificate.public_key()))
    ]
    return Outcome(len(found), faults)


def _revoked(evidence: Evidence) -> Outcome:
    found = evidence.active()
    states = [(known, evidence.revocations.is_revoked(parsed)) for known, parsed in found]
    words = "Certificate is in its issuer's revocation list, and active."
    faults = [_device(it, "CERTIFICATE_REVOKED_BY_ISSUER", words) for it, state in states if state]
    return _assessed(len(found), faults, [state for _, state in states])


def _authorities_revoked(evidence: Evidence) -> Outcome:
    found = evidence.active_authorities()
    states = [(it, evidence.revocations.is_revoked(it.certificate)) for it in found]
    words = "CA certificate is in its issuer's revocation list, and active."
    faults = [_authority(it, "CERTIFICATE_REVOKED_BY_ISSUER", words) for it, state in states if state]
    return _assessed(len(found), faults, [state for _, state in states])


def _intermediate_revoked(evidence: Evidence) -> Outcome:
    found = evidence.active()
    issuers = {it.id: evidence.revocations.is_revoked(it.certificate) for it in evidence.authorities.all()}
    states = [(known, issuers.get(known.ca_id or "", False)) for known, _ in found]
    words = "The CA that issued the certificate is revoked."
    faults = [_device(it, "INTERMEDIATE_CA_REVOKED_BY_ISSUER", words) for it, state in states if state]
    return _assessed(len(found), faults, [state for _, state in states])


def _assessed(total: int, faults: Sequence[Fault], states: Sequence[bool | None]) -> Outcome:
    """Compliant only when every certificate could be assessed."""
    unknown = sum(it is None for it in states)
    if not faults and unknown:
        words = f"Of {unknown} certificates the local cloud knows no revocation list: it fetches none."
        return Outcome(total, failure=("REVOCATION_LIST_NOT_AVAILABLE", words))
    return Outcome(total, faults)


def _shared(evidence: Evidence) -> Outcome:
    known = {it.id: it for it, _ in evidence.active()}
    faults = [
        _device(
            known[identity],
            "CERTIFICATE_SHARED_BY_MULTIPLE_DEVICES",
            "Concurrent connections use the certificate.",
            clientIds=",".join(it["clients"]),
        )
        for identity, it in evidence.history.shared_since(evidence.since)
        if identity in known
    ]
    return Outcome(len(known), faults)


def _clashes(evidence: Evidence) -> Outcome:
    found = evidence.history.clashed_since(evidence.since)
    faults = [
        Fault(
            "CLIENT_ID",
            {"clientId": client},
            "DUPLICATE_CLIENT_ID_ACROSS_CONNECTIONS",
            "Several connections used the client id, each putting off the one before.",
            {"principalIds": ",".join(it["principals"])},
        )
        for client, it in found
    ]
    return Outcome(len(found), faults)


def _policies(reason: Callable[[Mapping[str, Any]], str | None], words: str) -> Callable[[Evidence], Outcome]:
    def run(evidence: Evidence) -> Outcome:
        found = evidence.policies.all()
        faults = [
            Fault("IOT_POLICY", {"policyVersionIdentifier": _version(it)}, code, words)
            for it in found
            if (code := reason(evidence.policies.document(it["name"])))
        ]
        return Outcome(len(found), faults)

    return run


def _version(known: Mapping[str, Any]) -> dict[str, str]:
    return {"policyName": known["name"], "policyVersionId": known["default"]}


def _logging(evidence: Evidence) -> Outcome:
    if evidence.logging.is_on():
        return Outcome(1)
    words = "AWS IoT logs are not enabled in Amazon CloudWatch."
    fault = Fault("ACCOUNT_SETTINGS", {"account": evidence.account}, "LOGGING_DISABLED", words)
    return Outcome(1, [fault])


async def _role_aliases(evidence: Evidence) -> Outcome:
    """Whether a role lets devices administer what they use, or look into what watches over them."""
    found = evidence.role_aliases.all()
    faults: list[Fault] = []
    for alias in found:
        try:
            documents = await evidence.roles.documents("Role", str(alias["roleArn"]).rpartition("/")[2])
        except ApiError as refused:
            return Outcome(len(found), failure=("ROLE_NOT_READABLE", refused.message))
        code = next(filter(None, map(audit_policies.role_reason, documents)), None)
        if code:
            identifier = {"roleAliasArn": alias["roleAliasArn"]}
            words = "The role of the alias allows more than a device needs."
            faults.append(Fault("ROLE_ALIAS", identifier, code, words))
    return Outcome(len(found), faults)


def _unused_services(evidence: Evidence) -> Outcome:
    total = len(evidence.role_aliases.all())
    words = "The local cloud keeps no record of when a role last used a service."
    return Outcome(total, failure=("SERVICE_LAST_ACCESSED_NOT_AVAILABLE", words)) if total else Outcome(0)


def _nothing(_evidence: Evidence) -> Outcome:
    return Outcome(0)


_BROAD = "Policy allows broad access to AWS IoT data plane actions."
_MISCONFIGURED = "Policy may allow more than it seems to."
CHECKS: Mapping[str, Check] = {
    "AUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK": Check("CRITICAL", _nothing),
    "CA_CERTIFICATE_EXPIRING_CHECK": Check("MEDIUM", _authorities_expiring),
    "CA_CERTIFICATE_KEY_QUALITY_CHECK": Check("CRITICAL", _authority_keys),
    "CONFLICTING_CLIENT_IDS_CHECK": Check("HIGH", _clashes),
    "DEVICE_CERTIFICATE_AGE_CHECK": Check("LOW", _age),
    "DEVICE_CERTIFICATE_EXPIRING_CHECK": Check("MEDIUM", _expiring),
    "DEVICE_CERTIFICATE_KEY_QUALITY_CHECK": Check("CRITICAL", _keys),
    "DEVICE_CERTIFICATE_SHARED_CHECK": Check("CRITICAL", _shared),
    "INTERMEDIATE_CA_REVOKED_FOR_ACTIVE_DEVICE_CERTIFICATES_CHECK": Check("CRITICAL", _intermediate_revoked),
    "IOT_POLICY_OVERLY_PERMISSIVE_CHECK": Check("CRITICAL", _policies(audit_policies.broad_reason, _BROAD)),
    "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK": Check(
        "MEDIUM", _policies(audit_policies.misconfigured_reason, _MISCONFIGURED)
    ),
    "IOT_ROLE_ALIAS_ALLOWS_ACCESS_TO_UNUSED_SERVICES_CHECK": Check("MEDIUM", _unused_services),
    "IOT_ROLE_ALIAS_OVERLY_PERMISSIVE_CHECK": Check("CRITICAL", _role_aliases),
    "LOGGING_DISABLED_CHECK": Check("LOW", _logging),
    "REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK": Check("CRITICAL", _authorities_revoked),
    "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK": Check("MEDIUM", _revoked),
    "UNAUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK": Check("CRITICAL", _nothing),
}
