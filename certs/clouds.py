"""What Azure (IoT Hub, DPS) and AWS IoT accept today, as data: what they refuse is refused here first.

Each rule names its page. Where a cloud publishes nothing, the safe side is taken and the text says so:
what it does not name is refused. Nothing is published by either about name constraints (`certs.constraints`),
nor about the longest chain that they follow.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from certs import profiles
from certs.errors import CloudError
from certs.keys import ALGORITHMS, Algorithm
from certs.profiles import Profile

_AZURE_TLS = (
    "learn.microsoft.com/azure/iot-dps/tls-support, learn.microsoft.com/azure/iot-hub/iot-hub-tls-support"
)
_AZURE_ID = "learn.microsoft.com/azure/iot-dps/concepts-x509-attestation"
_AWS_ALGORITHMS = "docs.aws.amazon.com/iot/latest/developerguide/x509-client-certs.html#x509-cert-algorithms"
_AWS_MODEL = "AWS IoT service model 2015-05-28"
_CLASSIC = ("ec-p256", "ec-p384", "rsa-2048", "rsa-3072")


@dataclass(frozen=True)
class Rule:
    """A reason, and the page that it stands on."""

    reason: str
    page: str

    def __str__(self) -> str:
        return f"{self.reason} ({self.page})"


@dataclass(frozen=True)
class Cloud:
    """One cloud's rules: `keys` it takes, in leaves and in what signs them; why it refuses the others."""

    name: str
    title: str
    keys: frozenset[str]
    refused_keys: Mapping[str, Rule]
    id_pattern: re.Pattern[str]
    id_rule: Rule
    refused_profiles: Mapping[str, Rule] = field(default_factory=dict)


AZURE = Cloud(
    name="azure",
    title="Azure (DPS, IoT Hub)",
    keys=frozenset(_CLASSIC),
    refused_keys={
        # "Any X.509 certificate, including ECC" (IoT Hub, "Device authentication"), over TLS 1.2 with suites
        # of ECDSA on P-256 and P-384, and of RSA.
        "ed25519": Rule("it names suites for ECDSA and RSA keys only; Ed25519 is not mentioned", _AZURE_TLS),
        "ml-dsa": Rule("its TLS is 1.2, and ML-DSA exists in TLS 1.3 alone", _AZURE_TLS),
    },
    id_pattern=re.compile(r"[A-Za-z0-9._:-]{0,63}[A-Za-z0-9-]"),
    id_rule=Rule(
        "a registration id has letters, digits and - . _ :, a letter, digit or - last, at most 64 in X.509",
        _AZURE_ID,
    ),
    refused_profiles={
        "claim": Rule("it has no provisioning by claim: give each device its own certificate", _AZURE_ID)
    },
)

AWS = Cloud(
    name="aws",
    title="AWS IoT",
    keys=frozenset(_CLASSIC),
    refused_keys={
        "ed25519": Rule("signatures are by RSA or ECDSA with SHA-2; Ed25519 is not listed", _AWS_ALGORITHMS),
        "ml-dsa": Rule("signatures are by RSA or ECDSA with SHA-2; ML-DSA is not listed", _AWS_ALGORITHMS),
    },
    # The common name becomes the thing's name where policies go by ${iot:Connection.Thing.ThingName}.
    id_pattern=re.compile(r"[a-zA-Z0-9:_-]{1,128}"),
    id_rule=Rule("a thing's name has letters, digits and : _ -, and no dot", f"{_AWS_MODEL}, ThingName"),
)

NONE: tuple[Cloud, ...] = ()
CHOICES: Mapping[str, tuple[Cloud, ...]] = MappingProxyType(
    {"both": (AZURE, AWS), "azure": (AZURE,), "aws": (AWS,), "none": NONE}
)
"""What `--for` may say. The default is `both`: what is issued then works wherever the fleet goes."""


def key_faults(clouds: Sequence[Cloud], algorithm: Algorithm, what: str) -> list[str]:
    """Why the clouds would refuse a certificate whose `what` (key, signature) is of this kind."""
    return [
        f"{what} of kind {algorithm.title}: {cloud.title} would refuse it: {_key_rule(cloud, algorithm)}"
        for cloud in clouds
        if algorithm.name not in cloud.keys
    ]


def id_faults(clouds: Sequence[Cloud], registration_id: str) -> list[str]:
    """Why the clouds would refuse a device of this name."""
    return [
        f"registration id {registration_id!r}: {cloud.title} would refuse it: {cloud.id_rule}"
        for cloud in clouds
        if not cloud.id_pattern.fullmatch(registration_id)
    ]


def check(
    clouds: Sequence[Cloud],
    key: Algorithm,
    signing: Algorithm,
    profile: Profile = profiles.DEVICE,
    registration_id: str | None = None,
) -> None:
    """Refuse before issue what a cloud would refuse after; raises CloudError with every reason.

    Only what a cloud sees counts: certificates of servers and gateways are judged by the fleet's own devices.
    """
    if profiles.SERVER_AUTH in profile.extended_key_usage:
        return
    faults = [
        f"a {profile.title}: {cloud.title} would refuse it: {cloud.refused_profiles[profile.name]}"
        for cloud in clouds
        if profile.name in cloud.refused_profiles
    ]
    faults += key_faults(clouds, key, "a key") + key_faults(clouds, signing, "a signature")
    if registration_id is not None and not profile.ca:
        faults += id_faults(clouds, registration_id)
    if faults:
        raise CloudError("\n".join([*dict.fromkeys(faults), _way_out(clouds)]))


def _key_rule(cloud: Cloud, algorithm: Algorithm) -> Rule:
    family = "ml-dsa" if algorithm.name.startswith("ml-dsa") else algorithm.name
    return cloud.refused_keys[family]


def _way_out(clouds: Sequence[Cloud]) -> str:
    taken = [name for name in ALGORITHMS if all(name in cloud.keys for cloud in clouds)]
    return f"use a key of kind {', '.join(taken)}, or say what it is for: --for {' | '.join(CHOICES)}"
