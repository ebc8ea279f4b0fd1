"""Put another signature on something signed: a certificate or a CRL, whose shapes are alike.

Both are SEQUENCE { body, algorithm, signature } (RFC 5280 sections 4.1 and 5.1).
"""

from __future__ import annotations

from cryptography.hazmat import asn1


@asn1.sequence
class _Signed:
    body: asn1.TLV
    algorithm: asn1.TLV
    signature: asn1.BitString


def replaced(der: bytes, signature: bytes) -> bytes:
    """The same body and algorithm, DER, with this signature."""
    outer = asn1.decode_der(_Signed, der)
    return asn1.encode_der(
        _Signed(body=outer.body, algorithm=outer.algorithm, signature=asn1.BitString(signature, 0))
    )
