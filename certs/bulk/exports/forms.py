"""The forms that an export can have, as data: which files a device gets, and what stands in them.

Keys in `pem`, `c-header` and `nvs` are not encrypted, as what flashes them has nobody there to type a
passphrase: the files have mode 0600, in a folder of mode 0700.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

from certs import durable
from certs.bulk.errors import BulkError
from certs.bulk.exports import mac
from certs.bulk.exports.devices import Device
from certs.issue import KEY_FILE, LEAF_FILE, chain_text
from certs.keys import PrivateKey, algorithm_of

ITERATIONS = 600_000
"""PBKDF2-HMAC-SHA256 rounds (OWASP, password storage): a stolen file can be guessed at offline."""
MIN_ITERATIONS = 100_000

NVS_NAMESPACE = "muster"
_LINE = 12


class File(NamedTuple):
    """A file of an export: its path below the folder, its content, its mode."""

    path: str
    data: bytes
    mode: int = durable.PRIVATE_FILE


@dataclass(frozen=True)
class Options:
    """What some forms need: a passphrase for PKCS#12, and how slowly its key is derived."""

    passphrase: bytes = field(default=b"", repr=False)
    iterations: int = ITERATIONS


Form: TypeAlias = Callable[[Device, Options], Sequence[File]]


def _pem(device: Device, options: Options) -> Sequence[File]:  # noqa: ARG001  a form's signature
    """The layout of `muster certs issue`, which agents read."""
    folder = device.registration_id
    leaf = File(f"{folder}/{LEAF_FILE}", chain_text(device.certificate, device.issuer), durable.PUBLIC_FILE)
    if device.key is None:
        return [leaf]
    return [leaf, File(f"{folder}/{KEY_FILE}", device.key_pem)]


def _pkcs12(device: Device, options: Options) -> Sequence[File]:
    """PBES2: AES-256-CBC under PBKDF2-HMAC-SHA256, and a SHA-256 MAC (RFC 7292, RFC 8018)."""
    key = _own_key(device, "PKCS#12")
    kind = algorithm_of(device.certificate.public_key())
    if kind.experimental:
        raise BulkError(f"{device.registration_id}: PKCS#12 does not take keys of kind {kind.title}")
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(options.iterations)
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(options.passphrase)
    )
    data = pkcs12.serialize_key_and_certificates(
        device.registration_id.encode(),
        key,  # type: ignore[arg-type]  # experimental kinds were refused
        device.certificate,
        [device.issuer],
        encryption,
    )
    slow = mac.strengthened(data, options.passphrase, options.iterations)
    return [File(f"{device.registration_id}.p12", slow)]


def _c_header(device: Device, options: Options) -> Sequence[File]:  # noqa: ARG001  a form's signature
    """Arrays of DER, for firmware that is built or patched for each device."""
    _own_key(device, "a C header")
    guard = "MUSTER_" + re.sub(r"[^A-Z0-9]", "_", device.registration_id.upper()) + "_H"
    lines = [
        f"/* Identity of {device.registration_id}. Holds its private key: keep no copy. */",
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        f'#define MUSTER_REGISTRATION_ID "{device.registration_id}"',
        *_array("muster_certificate_der", _der(device)),
        *_array("muster_issuer_der", device.issuer.public_bytes(serialization.Encoding.DER)),
        *_array("muster_private_key_der", device.key_der),
        "",
        f"#endif /* {guard} */",
        "",
    ]
    return [File(f"{device.registration_id}.h", "\n".join(lines).encode("ascii"))]


def _nvs(device: Device, options: Options) -> Sequence[File]:  # noqa: ARG001  a form's signature
    """The CSV that ESP-IDF's nvs_partition_gen.py reads: key, type, encoding, value.

    Format: docs.espressif.com/projects/esp-idf, "NVS Partition Generator Utility", "CSV File Format": the
    first entry is a namespace; keys have at most 15 characters; `base64` is stored as binary.
    """
    _own_key(device, "an NVS partition")
    issuer = device.issuer.public_bytes(serialization.Encoding.DER)
    rows = [
        "key,type,encoding,value",
        f"{NVS_NAMESPACE},namespace,,",
        f"device_id,data,string,{device.registration_id}",
        *(
            f"{name},data,base64,{base64.b64encode(value).decode('ascii')}"
            for name, value in (("cert", _der(device)), ("issuer", issuer), ("key", device.key_der))
        ),
        "",
    ]
    return [File(f"{device.registration_id}.csv", "\n".join(rows).encode("ascii"))]


FORMS: Mapping[str, Form] = MappingProxyType(
    {"pem": _pem, "pkcs12": _pkcs12, "c-header": _c_header, "nvs": _nvs}
)


def _own_key(device: Device, form: str) -> PrivateKey:
    if device.key is None:
        raise BulkError(f"{form} holds a private key, but only the device has it: export as pem")
    return device.key


def _der(device: Device) -> bytes:
    return device.certificate.public_bytes(serialization.Encoding.DER)


def _array(name: str, data: bytes) -> list[str]:
    lines = (data[at : at + _LINE] for at in range(0, len(data), _LINE))
    body = [f"    {', '.join(f'0x{byte:02x}' for byte in line)}," for line in lines]
    return ["", f"static const unsigned char {name}[{len(data)}] = {{", *body, "};"]
