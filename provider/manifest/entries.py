"""From a row to an enrollment of the DPS service API 2021-10-01 (service.json, IndividualEnrollment). No IO.

Every enrollment carries a mark in `optionalDeviceInformation`: the manifest it belongs to, the digest of its
row, and whether it was enabled. Devices do not see it; it says in the service itself what is ours, and how
old."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from provider.manifest import certificates, twins
from provider.manifest.certificates import CellError
from provider.manifest.columns import REGISTRATION_ID
from provider.manifest.records import Record
from provider.manifest.settings import (
    ATTESTATIONS,
    SYMMETRIC_KEY,
    TPM,
    X509,
    Document,
    Settings,
    canonical,
    digest_of,
)

MARK: Final = "muster"
LIMIT_BYTES: Final = 90_000
"""Of one enrollment, and of one call: DPS' "maximum size of message" is 96 KB (pacing.py names the page)."""

_REGISTRATION_ID = re.compile(r"(?![.:_-])[A-Za-z0-9.:_-]{1,128}(?<![.:_-])")
_DEVICE_ID = re.compile(r"[A-Za-z0-9\-:.+%_#*?!(),=@;$']{1,128}")
_SWITCH: Final = {"true": True, "false": False}


class Entry(NamedTuple):
    """A row that can be sent. `key` is its registration id as DPS compares it, `size` its bytes as JSON."""

    line: int
    key: str
    document: Document
    digest: str
    size: int


class Refusal(NamedTuple):
    """A row that cannot be sent, and why. `whole_file`: neither can the others."""

    line: int
    key: str
    reason: str
    whole_file: bool = False


def entry(record: Record, settings: Settings) -> Entry | Refusal:
    """The enrollment that a row describes, or all that is wrong with the row."""
    cells = record.cells
    name = cells.get(REGISTRATION_ID)
    if not isinstance(name, str) or not _REGISTRATION_ID.fullmatch(name):
        return Refusal(record.line, "", f"registration_id {_quoted(name)}; {_RIGHT_ID}")
    faults: list[str] = []
    document: Document = {"registrationId": name, **settings.shared}
    for key, value in _parts(cells, settings):
        if isinstance(value, CellError):
            faults.append(f"{key} {value}".strip())
        else:
            document[key] = value
    if faults:
        return Refusal(record.line, name.lower(), "; ".join(faults))
    document["initialTwin"] = {
        "tags": document.pop("tags"),
        "properties": {"desired": document.pop("desired")},
    }
    if settings.whole is not None and (wrong := settings.whole(document)) is not None:
        return Refusal(record.line, name.lower(), wrong)
    text = canonical(document)
    if len(text) > LIMIT_BYTES:
        return Refusal(
            record.line, name.lower(), f"is {len(text):,} bytes long; {LIMIT_BYTES:,} at most would be right"
        )
    return Entry(record.line, name.lower(), document, digest_of(text), len(text))


def certificate_refusal(item: Entry, today: datetime) -> Refusal | None:
    """What is wrong with the certificates of a row: dear to find out, so only asked of rows to be sent."""
    certs = item.document["attestation"].get(X509, {}).get("clientCertificates", {})
    for which, column in (("primary", "certificate"), ("secondary", "secondary_certificate")):
        if which in certs:
            data = certificates.der(certs[which]["certificate"])
            fault = certificates.fault(data, item.document["registrationId"], today)
            if fault is not None:
                return Refusal(item.line, item.key, f"{column} {fault.reason}", fault.whole_file)
    return None


def marked(item: Entry, manifest: str) -> Document:
    """The document as it is sent, with its mark."""
    enabled = item.document["provisioningStatus"] == "enabled"
    mark = {"manifest": manifest, "row": item.digest, "enabled": enabled}
    return {**item.document, "optionalDeviceInformation": {MARK: mark}}


def _parts(cells: Mapping[str, Any], settings: Settings) -> Iterator[tuple[str, Any]]:
    try:
        yield "attestation", _attestation(cells, settings)
    except CellError as error:
        yield "", error
    yield from _switches(cells, settings)
    for part, shared in (("tags", settings.tags), ("desired", settings.desired)):
        try:
            yield part, twins.part(part, cells, shared, settings.rules.get(part))
        except CellError as error:
            yield part, error
    if "device_id" in cells:
        yield "deviceId", _device_id(cells["device_id"])


def _attestation(cells: Mapping[str, Any], settings: Settings) -> Document:
    kind = cells.get("attestation", settings.attestation)
    if kind not in ATTESTATIONS:
        raise CellError(f"attestation {_quoted(kind)}; {', '.join(ATTESTATIONS)} are known")
    surplus = [column for column in _CREDENTIALS[kind][1] if column in cells]
    if surplus:
        raise CellError(f"{surplus[0]} is given, and the row attests by {kind}; an empty cell would be right")
    return _CREDENTIALS[kind][0](cells, settings)


def _by_certificate(cells: Mapping[str, Any], _: Settings) -> Document:
    given = {"primary": "certificate", "secondary": "secondary_certificate"}
    if "certificate" not in cells:
        raise CellError("certificate is missing; a row that attests by x509 needs it")
    made: Document = {}
    for which, column in given.items():
        if column in cells:
            try:
                made[which] = {"certificate": certificates.pem(certificates.der(cells[column]))}
            except CellError as error:
                raise CellError(f"{column} {error}") from None
    return {"type": X509, X509: {"clientCertificates": made}}


def _by_tpm(cells: Mapping[str, Any], settings: Settings) -> Document:
    cell = cells.get("endorsement_key")
    if cell is None:
        raise CellError("endorsement_key is missing; a row that attests by tpm needs it")
    text = base64.b64encode(cell).decode() if isinstance(cell, bytes) else "".join(str(cell).split())
    rule = settings.rules.get("endorsement_key")
    if rule is not None and (wrong := rule(text)) is not None:
        raise CellError(f"endorsement_key: {wrong}")
    return {"type": TPM, TPM: {"endorsementKey": text}}


def _by_symmetric_key(_: Mapping[str, Any], __: Settings) -> Document:
    return {"type": SYMMETRIC_KEY}  # DPS makes the keys; no file holds them


_CREDENTIALS: Final = {
    X509: (_by_certificate, ("endorsement_key",)),
    TPM: (_by_tpm, ("certificate", "secondary_certificate")),
    SYMMETRIC_KEY: (_by_symmetric_key, ("certificate", "secondary_certificate", "endorsement_key")),
}
"""How each kind of attestation is made, and the columns that say nothing to it."""


def _switches(cells: Mapping[str, Any], settings: Settings) -> Iterator[tuple[str, Any]]:
    enabled = _switch(cells.get("enabled", settings.enabled))
    edge = _switch(cells.get("iot_edge", settings.iot_edge))
    yield (
        ("enabled", enabled)
        if isinstance(enabled, CellError)
        else (
            "provisioningStatus",
            "enabled" if enabled else "disabled",
        )
    )
    yield ("iot_edge", edge) if isinstance(edge, CellError) else ("capabilities", {"iotEdge": edge})


def _switch(cell: object) -> bool | CellError:
    if isinstance(cell, bool):
        return cell
    found = _SWITCH.get(cell.strip().lower()) if isinstance(cell, str) else None
    return CellError(f"{_quoted(cell)}; true or false would be right") if found is None else found


def _device_id(cell: object) -> str | CellError:
    # learn.microsoft.com/azure/iot-hub/iot-hub-devguide-identity-registry, "Device identity properties"
    if isinstance(cell, str) and _DEVICE_ID.fullmatch(cell):
        return cell
    return CellError(
        f"{_quoted(cell)}; up to 128 letters, digits and - : . + % _ # * ? ! ( ) , = @ ; $ ' would be right"
    )


def _quoted(cell: object) -> str:
    if cell is None:
        return "is missing"
    text = str(cell)
    return f'is "{text[:60]}{"…" if len(text) > 60 else ""}"'


_RIGHT_ID = "up to 128 letters, digits and . _ - : with a letter or a digit first and last would be right"
