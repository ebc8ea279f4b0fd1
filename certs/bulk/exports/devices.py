"""The devices of a finished bundle, one by one: certificate, issuer's certificate, private key."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from certs.bulk.bundle import Bundle
from certs.bulk.errors import BulkError, DamagedBundleError, SealError
from certs.bulk.frames import Batch, Record, decode_keys
from certs.bulk.keypairs import encoded
from certs.bulk.sealing import Opener
from certs.errors import CertsError
from certs.keys import PrivateKey, supported_private, supported_public

_MALFORMED = (ValueError, TypeError, CertsError)


@dataclass(frozen=True)
class Device:
    """A device's identity, opened; no repr shows its key (None: the device made it, and only it has it)."""

    registration_id: str
    certificate: x509.Certificate
    issuer: x509.Certificate
    key: PrivateKey | None = field(repr=False)

    @cached_property
    def key_der(self) -> bytes:
        """The key as PKCS#8, in DER, not encrypted."""
        return self._clear(serialization.Encoding.DER)

    @cached_property
    def key_pem(self) -> bytes:
        """The key as PKCS#8, in PEM, not encrypted."""
        return self._clear(serialization.Encoding.PEM)

    def _clear(self, encoding: serialization.Encoding) -> bytes:
        assert self.key is not None
        return self.key.private_bytes(
            encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def devices(path: Path, opener: Opener | None, only: Collection[str] = ()) -> Iterator[Device]:
    """Every device of a bundle, or those of `only`, in the bundle's order.

    `opener` holds the line's identity; None where only requests came in. Raises what `Bundle.open` does,
    SealError (keys of another line), DamagedBundleError (a key that is not its certificate's), BulkError
    (`only` names devices that are not there).
    """
    bundle = Bundle.open(path)
    _check_opener(bundle, opener)
    issuer, missing = bundle.job.certificate(), {name.lower() for name in only}
    for batch in Bundle.batches(path):
        wanted = [record for record in batch.records if not only or record.registration_id.lower() in missing]
        if wanted:
            yield from _opened(batch, wanted, path, opener, issuer)
            missing -= {record.registration_id.lower() for record in wanted}
    if missing:
        raise BulkError(f"{path}: has no device {', '.join(sorted(missing))}")


def _check_opener(bundle: Bundle, opener: Opener | None) -> None:
    recipient = bundle.job.recipient
    if bool(recipient) != (opener is not None):
        raise SealError(
            f"{bundle.path}: its keys are sealed for {recipient}: give the identity"
            if recipient
            else f"{bundle.path}: holds no keys, as only requests came in: no identity is needed"
        )
    if opener is not None and recipient not in opener.recipients:
        raise SealError(f"{bundle.path}: its keys are sealed for {recipient}; {opener!r} is for another line")


def _opened(
    batch: Batch, wanted: list[Record], path: Path, opener: Opener | None, issuer: x509.Certificate
) -> Iterator[Device]:
    what = f"{path}, batch {batch.number}"
    keys = _keys(batch, what, opener) if opener is not None else {}
    for record in wanted:
        try:
            yield _device(record, issuer, keys.get(record.registration_id))
        except _MALFORMED as error:
            raise DamagedBundleError(what, f"{record.registration_id}: {error}") from None


def _keys(batch: Batch, what: str, opener: Opener) -> dict[str, bytes]:
    try:
        number, keys = decode_keys(opener.open(batch.sealed, what))
        names = [record.registration_id for record in batch.records]
        found = dict(zip(names, keys, strict=True))
    except ValueError as error:
        # `from None`: what is being decoded here is private keys.
        raise DamagedBundleError(what, f"its keys are not those of its records ({error})") from None
    if number != batch.number:
        raise DamagedBundleError(what, f"its keys are those of batch {number}")
    return found


def _device(record: Record, issuer: x509.Certificate, private: bytes | None) -> Device:
    """A device whose key is its certificate's; raises ValueError."""
    certificate = record.parsed
    if private is None:
        return Device(record.registration_id, certificate, issuer, None)
    key = supported_private(serialization.load_der_private_key(private, None))
    if encoded(key.public_key()) != encoded(supported_public(certificate.public_key())):
        raise ValueError("its private key is not its certificate's")
    return Device(record.registration_id, certificate, issuer, key)
