"""A chain as a cloud's service will see it: what it matches, what it must have been given, why it refuses.

Sources: DPS: learn.microsoft.com/azure/iot-dps/concepts-x509-attestation ("DPS device chain requirements",
"DPS order of operations with certificates"); what its 401002 means is told in the issues of others
(rwatjen/AzureIoTDPSCertificates#3, MicrosoftDocs/azure-docs#60870). IoT Hub: its pages
iot-hub-x509ca-overview and iot-hub-tls-support ("Device authentication"). AWS IoT: the developer guide's
auto-register-device-cert, and service model 2015-05-28 (RegisterCertificate, RegisterCACertificate).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from certs import clouds
from certs.checks import common_name, signature_faults
from certs.clouds import AWS, AZURE, Cloud
from certs.errors import ChainFault, UnsupportedKeyError
from certs.keys import algorithm_of
from certs.reading import fingerprint


@dataclass(frozen=True)
class Presented:
    """What a device sends, the leaf first; and what its cloud has verified by proof of possession."""

    sent: Sequence[x509.Certificate]
    verified: Sequence[x509.Certificate]

    @property
    def leaf(self) -> x509.Certificate:
        """The device's own certificate."""
        return self.sent[0]

    def path(self) -> tuple[list[x509.Certificate], bool]:
        """The certificates from the leaf up, as far as they lead; whether that ends at a verified one."""
        path, left = [self.leaf], list(self.sent[1:])
        while True:
            if path[-1] in self.verified:
                return path, True
            above = next((each for each in self.verified if _signed_by(path[-1], each)), None)
            if above is not None:
                return [*path, above], True
            following = next((each for each in left if _signed_by(path[-1], each)), None)
            if following is None:
                return path, False
            left.remove(following)
            path.append(following)


@dataclass(frozen=True)
class View:
    """What a service sees: lines for the person, and the faults for which it would refuse the device."""

    service: str
    matches: Sequence[str]
    needs: Sequence[str]
    notes: Sequence[str]
    faults: Sequence[ChainFault]


def view(service: str, presented: Presented) -> View:
    """The chain as `service` (one of SERVICES) sees it."""
    return SERVICES[service](presented)


def _dps(presented: Presented) -> View:
    path, reached = presented.path()
    authorities = path[1:]
    needs = [f"uploaded and verified by proof of possession: {_shown(path[-1])}"] if reached else []
    needs += [f"an enrollment group with one of: {'; '.join(map(_shown, authorities)) or 'none'}"]
    return View(
        "DPS",
        [
            f"registration id: {common_name(presented.leaf)!r} (the common name; case does not count)",
            f"first an individual enrollment with this certificate: SHA-256 {fingerprint(presented.leaf)}",
            *[f"then an enrollment group with {_shown(each)}" for each in authorities],
        ],
        needs,
        _sent_notes(presented),
        [*_unreached(presented, path, reached, _ENROLLED), *_cloud_faults(AZURE, path)],
    )


def _iot_hub(presented: Presented) -> View:
    path, reached = presented.path()
    thumbprint = presented.leaf.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303  the hub names them so
    return View(
        "IoT Hub",
        [
            f"device id: must be {common_name(presented.leaf)!r} (the common name)",
            "X.509 CA authentication: by the chain",
            f"X.509 self-signed (thumbprint) authentication: SHA-1 {thumbprint}, or SHA-256 "
            f"{fingerprint(presented.leaf).upper()}; then no chain is needed",
        ],
        [f"for CA authentication, uploaded and verified in the hub: {_shown(path[-1])}"] if reached else [],
        _sent_notes(presented),
        [*_unreached(presented, path, reached, _HUB), *_cloud_faults(AZURE, path)],
    )


def _aws_iot(presented: Presented) -> View:
    issuer = next(
        (each for each in [*presented.sent[1:], *presented.verified] if _signed_by(presented.leaf, each)),
        None,
    )
    path = [presented.leaf] if issuer is None else [presented.leaf, issuer]
    needs = [
        "this certificate registered (RegisterCertificate, RegisterCertificateWithoutCA) and active",
        "or, to be registered at first contact (JITR, JITP), its own issuer registered: "
        + (_shown(issuer) if issuer is not None else presented.leaf.issuer.rfc4514_string()),
    ]
    faults = []
    if issuer is None:
        faults.append(
            ChainFault("leaf", "its issuer is not at hand", "give it, as it is what AWS IoT has to register")
        )
    return View(
        "AWS IoT",
        [f"certificate id: {fingerprint(presented.leaf)} (SHA-256 of the certificate, no chain)"],
        needs,
        [
            "the client must send SNI; the chain need not be sent",
            f"thing name, where it is the common name: {common_name(presented.leaf)!r}",
            "an issuer whose subject is registered with another key too must be named in RegisterCertificate",
        ],
        [*faults, *_cloud_faults(AWS, path)],
    )


SERVICES: Mapping[str, Callable[[Presented], View]] = MappingProxyType(
    {"dps": _dps, "iot-hub": _iot_hub, "aws-iot": _aws_iot}
)

_ENROLLED = (
    "DPS answers 401002 (CA certificate not found): it follows what the device sends, not what stands in the "
    "enrollment group, up to a certificate that is verified"
)
_HUB = "IoT Hub would not let the device in: what it sends leads to no verified certificate"


def _unreached(
    presented: Presented, path: Sequence[x509.Certificate], reached: bool, refusal: str
) -> Iterator[ChainFault]:
    if reached:
        return
    lacking = path[-1].issuer.rfc4514_string()
    known = "; ".join(_shown(each) for each in presented.verified) or "nothing"
    yield ChainFault(
        "leaf",
        f"{refusal}. The chain breaks off before {lacking!r}; verified: {known}",
        "let the device send its issuer behind its own certificate, or verify that issuer itself",
    )


def _cloud_faults(cloud: Cloud, path: Sequence[x509.Certificate]) -> Iterator[ChainFault]:
    for certificate in path:
        which = "leaf" if certificate is path[0] else certificate.subject.rfc4514_string()
        try:
            told = clouds.key_faults([cloud], algorithm_of(certificate.public_key()), "a key")
        except UnsupportedKeyError as error:
            told = [str(error)]
        for wrong in told:
            yield ChainFault(which, wrong, "use a kind of key that it takes")
    for wrong in clouds.id_faults([cloud], common_name(path[0])):
        yield ChainFault("leaf", wrong, "name the device otherwise")


def _sent_notes(presented: Presented) -> list[str]:
    sent = " > ".join(each.subject.rfc4514_string() for each in presented.sent)
    return [
        f"the device sends: {sent}",
        "the root need not be sent when it is verified (RFC 8446 section 4.4.2)",
    ]


def _signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Issued by it, and it is not itself: a root ends a path."""
    return certificate != issuer and not list(signature_faults(certificate, "", issuer, ""))


def _shown(certificate: x509.Certificate) -> str:
    return f"{certificate.subject.rfc4514_string()!r} (SHA-256 {fingerprint(certificate)[:16]}…)"
