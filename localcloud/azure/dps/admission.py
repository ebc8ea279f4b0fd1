"""Who may register: the enrollment that a device belongs to, by what it presented.

An individual enrollment for the registration id decides alone, before every group: what it refuses, no
group admits (learn.microsoft.com/azure/iot-dps/concepts-service, "Individual enrollment" has the
precedence). Whether it is enabled is asked later, so that a disabled device hears why.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from localcloud.azure.dps import attestation, keys, matching
from localcloud.azure.dps.challenges import Challenges
from localcloud.azure.dps.enrollments import IDENTIFIER
from localcloud.azure.dps.errors import Challenge
from localcloud.azure.dps.kinds import GROUP, INDIVIDUAL, Document, key_of
from localcloud.azure.dps.matching import Candidate, Refused
from localcloud.azure.dps.placement import Directory
from localcloud.azure.dps.records import Match
from localcloud.azure.gate import Signature
from localcloud.clock import Clock
from localcloud.pem import der_text, load_certificate
from localcloud.store import Store

_ASKED_FOR = {"x509": "a certificate", "symmetricKey": "a token", "tpm": "a TPM's token"}


@dataclass(frozen=True)
class Presented:
    """What a device showed: certificates (possession proved), a token, a TPM's endorsement and root key.

    `id_scope` is as the device wrote it; `over_https` tells the protocol that knows TPM challenges.
    """

    id_scope: str
    chain: Sequence[x509.Certificate] = ()
    token: str = field(default="", repr=False)
    tpm: tuple[str, str] | None = None
    over_https: bool = False


class Admission:
    """Decides on devices of all provisioning services."""

    def __init__(self, store: Store, directory: Directory, clock: Clock) -> None:
        self._store = store
        self._directory = directory
        self._clock = clock
        self._challenges = Challenges(clock)
        self._groups: dict[str, list[Document]] = {}
        self._ways: dict[str, Callable[[Document, Document, str, Presented], Match]] = {
            "x509": self._by_own_certificate,
            "symmetricKey": self._by_own_key,
            "tpm": self._by_tpm,
        }

    def forget_groups(self, dps: str) -> None:
        """The groups of a service have changed."""
        self._groups.pop(dps.lower(), None)

    def decide(self, service: Document, registration_id: str, presented: Presented) -> Match:
        """The device's enrollment, enabled or not. Raises Refused, or Challenge for a TPM's first contact."""
        if not IDENTIFIER.fullmatch(registration_id):
            words = "not letters, digits and - . _ : with none at the ends"
            raise Refused("malformed-registration-id", words)
        dps = _name(service)
        enrollment = self._store.get(INDIVIDUAL.kind, key_of(dps, registration_id))
        if enrollment is not None:
            return self._ways[enrollment["attestation"]["type"]](
                service, enrollment, registration_id, presented
            )
        if presented.token:
            return self._by_group_key(dps, registration_id, presented)
        if presented.tpm:
            raise Refused("not-enrolled", "no individual enrollment has this TPM")
        return self._by_group_certificate(service, registration_id, presented.chain)

    # An individual enrollment

    def _by_own_certificate(
        self, service: Document, enrollment: Document, registration_id: str, presented: Presented
    ) -> Match:
        _check_kind(enrollment, not presented.chain and bool(presented.token or presented.tpm))
        own = attestation.thumbprints(enrollment["attestation"])
        if own:
            matching.check_own(registration_id, presented.chain, own, self._clock.now())
            return _by_certificate(
                _name(service), registration_id, registration_id, False, presented.chain, own
            )
        candidate = self._candidate(service, enrollment, INDIVIDUAL.member)
        self._match(service, registration_id, presented.chain, [candidate])
        return _by_certificate(_name(service), registration_id, registration_id, False, presented.chain)

    def _by_own_key(
        self, service: Document, enrollment: Document, registration_id: str, presented: Presented
    ) -> Match:
        _check_kind(enrollment, bool(presented.chain or presented.tpm) and not presented.token)
        token = self._token(registration_id, presented)
        own = enrollment["attestation"]["symmetricKey"]
        keys.check_signature(token, own.values())
        return _by_key(_name(service), registration_id, registration_id, False, own)

    def _by_tpm(
        self, service: Document, enrollment: Document, registration_id: str, presented: Presented
    ) -> Match:
        if not presented.over_https:
            raise Refused("tpm-not-over-mqtt", "a TPM attests over HTTPS (or AMQP), not over MQTT")
        _check_kind(enrollment, not (presented.tpm or presented.token))
        place = key_of(_name(service), registration_id)
        if presented.tpm:
            self._check_endorsement(enrollment, presented.tpm)
        if not presented.token:
            raise Challenge(self._challenges.new(place, *(presented.tpm or ("", ""))))
        endorsed = self._challenges.met(place, self._token(registration_id, presented))
        self._check_endorsement(enrollment, endorsed)
        context = {"tpm": {"endorsementKey": endorsed[0], "storageRootKey": endorsed[1]}}
        return Match(
            _name(service), registration_id, registration_id, False, "tpm", {"type": "sas"}, context, endorsed
        )

    def _check_endorsement(self, enrollment: Document, endorsed: tuple[str, str]) -> None:
        if endorsed[0] != enrollment["attestation"]["tpm"]["endorsementKey"]:
            raise Refused("endorsement-key-mismatch", "the TPM's endorsement key is not the enrolled one")

    # A group

    def _by_group_key(self, dps: str, registration_id: str, presented: Presented) -> Match:
        token = self._token(registration_id, presented)
        groups = [it for it in self._groups_of(dps) if it["attestation"]["type"] == "symmetricKey"]
        if not groups:
            raise Refused("not-enrolled", "neither an individual enrollment nor a group with a symmetric key")
        for group in sorted(groups, key=_disabled_first):
            own = keys.derived(group["attestation"]["symmetricKey"], registration_id)
            try:
                keys.check_signature(token, own.values())
            except Refused:
                continue
            return _by_key(dps, registration_id, group["enrollmentGroupId"], True, own)
        raise Refused("bad-signature", "no key derived from a group's key made the token's signature")

    def _by_group_certificate(
        self, service: Document, registration_id: str, chain: Sequence[x509.Certificate]
    ) -> Match:
        dps = _name(service)
        groups = [it for it in self._groups_of(dps) if it["attestation"]["type"] == "x509"]
        candidates = [self._candidate(service, group, GROUP.member) for group in groups]
        try:
            found = self._match(service, registration_id, chain, candidates)
        except Refused as refused:
            if refused.reason == "unknown-authority" and self._belongs_elsewhere(dps, chain):
                raise Refused("other-fleet", "its chain leads to another provisioning service") from refused
            raise
        return _by_certificate(dps, registration_id, found.group_id, True, chain)

    def _match(
        self,
        service: Document,
        registration_id: str,
        chain: Sequence[x509.Certificate],
        candidates: Sequence[Candidate],
    ) -> Candidate:
        authorities = self._directory.verified_authorities(service)
        return matching.match(registration_id, chain, authorities, candidates, self._clock.now())

    def _candidate(self, service: Document, enrollment: Document, member: str) -> Candidate:
        """The enrollment as the matching core wants it: signing certificates, or what its references name."""
        how = enrollment["attestation"]
        referred = [self._referred(service, name) for name in attestation.references(how)]
        signing = (*attestation.signing_certificates(how), *(it for it in referred if it is not None))
        return Candidate(enrollment[member], signing, enrollment["provisioningStatus"] == "enabled")

    def _referred(self, service: Document, name: str) -> x509.Certificate | None:
        """A certificate of the service, if it is verified still."""
        found = self._store.get("arm", f"{service['id']}/certificates/{name}".lower())
        if found is None or not found["properties"].get("isVerified"):
            return None
        return load_certificate(found["properties"]["certificate"])

    def _belongs_elsewhere(self, dps: str, chain: Sequence[x509.Certificate]) -> bool:
        for _, document in self._store.list("arm"):
            kind, name = str(document.get("type", "")).lower(), str(document.get("name", "")).lower()
            if kind == "microsoft.devices/provisioningservices" and name != dps:
                signing = [
                    certificate
                    for group in self._groups_of(name)
                    for certificate in attestation.signing_certificates(group["attestation"])
                ]
                if matching.reaches(chain, self._directory.verified_authorities(document), signing):
                    return True
        return False

    def _groups_of(self, dps: str) -> list[Document]:
        found = self._groups.get(dps)
        if found is None:
            stored = self._store.list(GROUP.kind, key_of(dps, ""))
            found = self._groups[dps] = [document for _, document in stored]
        return found

    def _token(self, registration_id: str, presented: Presented) -> Signature:
        if not presented.token:
            raise Refused("no-credential", "the device sent no token")
        return keys.read_token(presented.token, presented.id_scope, registration_id, self._clock)


def _check_kind(enrollment: Document, is_other: bool) -> None:
    if is_other:
        asked = _ASKED_FOR[enrollment["attestation"]["type"]]
        raise Refused("attestation-mismatch", f"the individual enrollment asks for {asked}, which is missing")


def _disabled_first(group: Document) -> tuple[bool, str]:
    return group["provisioningStatus"] == "enabled", str(group["enrollmentGroupId"])


def _name(service: Document) -> str:
    return str(service["name"]).lower()


def _by_certificate(
    dps: str,
    registration_id: str,
    enrollment_id: str,
    is_group: bool,
    chain: Sequence[x509.Certificate],
    own: Sequence[str] = (),
) -> Match:
    """The hub knows the device by its leaf; an individual enrollment's two certificates are both known."""
    prints = [*own] or [chain[0].fingerprint(hashes.SHA256()).hex().upper()]
    names = ("primaryThumbprint", "secondaryThumbprint")
    known: dict[str, Any] = {
        "type": "selfSigned",
        "x509Thumbprint": dict(zip(names, prints, strict=False)),
    }
    # What a webhook sees of a certificate is not published; public webhooks read this member.
    context = {"x509": {"clientCertificate": der_text(chain[0])}}
    return Match(dps, registration_id, enrollment_id, is_group, "x509", known, context)


def _by_key(dps: str, registration_id: str, enrollment_id: str, is_group: bool, own: keys.Keys) -> Match:
    known = {"type": "sas", "symmetricKey": dict(own)}
    return Match(dps, registration_id, enrollment_id, is_group, "symmetricKey", known, {"symmetricKey": {}})
