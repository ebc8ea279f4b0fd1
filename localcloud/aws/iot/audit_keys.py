"""Keys with a known weakness: RSA keys of Infineon's library (CVE-2017-15361). Pure.

docs.aws.amazon.com/iot-device-defender/latest/devguide/audit-chk-device-cert-key-quality.html names
CVE-2008-0166 too; that needs a list of 2**15 keys a size, which the local cloud has not, so it never reports
it. The fingerprint is from "The Return of Coppersmith's Attack" (Nemec and others, 2017): such a modulus is a
power of 65537 modulo each small prime.
"""

from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import rsa

CVE_2017_15361 = "CERTIFICATE_KEY_VULNERABILITY_CVE-2017-15361"
_GENERATOR = 65537
_PRIMES = (
    *(3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103),
    *(107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167),
)


def weakness(key: object) -> str | None:
    """The reason code of a key with a weakness; None for others."""
    if not isinstance(key, rsa.RSAPublicKey):
        return None
    modulus = key.public_numbers().n
    return CVE_2017_15361 if all(modulus % it in _powers(it) for it in _PRIMES) else None


@lru_cache(maxsize=64)
def _powers(prime: int) -> frozenset[int]:
    found, power = {1}, _GENERATOR % prime
    while power not in found:
        found.add(power)
        power = power * _GENERATOR % prime
    return frozenset(found)
