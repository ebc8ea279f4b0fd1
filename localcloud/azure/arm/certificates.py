"""CA certificates of provisioning services (API 2026-11-01) and hubs (2023-06-30), truly proved.

A certificate is verified only when its key has signed a certificate whose common name is the code that
generateVerificationCode gave ("How to verify X.509 CA certificates with your Device Provisioning Service",
learn.microsoft.com/azure/iot-dps/how-to-verify-certificates). The service also knows a bypass, `isVerified:
true` in a PUT; the local cloud refuses it.
"""

import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from localcloud.azure.arm import hubs, provisioning
from localcloud.azure.arm.errors import invalid
from localcloud.azure.arm.models import Published
from localcloud.azure.arm.resources import Draft, NameRule, ResourceType, World, new_etag
from localcloud.azure.shapes import Fault
from localcloud.calls import Answer, Call
from localcloud.pem import der_text, load_certificate
from localcloud.store import Document

_CODES = "arm-verification"
_REQUEST = Published("azure.mgmt.iothubprovisioningservices", "VerificationCodeRequest")


def _check(world: World, draft: Draft) -> None:
    text = draft.at("properties", "certificate")
    if text is None:
        draft.wrong("properties.certificate", "is required")
    elif isinstance(text, str):
        _check_authority(draft, text, world.clock.now())
    if draft.at("properties", "isVerified") and not _still_verified(draft):
        message = "cannot be set to true: prove possession with generateVerificationCode and verify"
        draft.wrong("properties.isVerified", message)


def _check_authority(draft: Draft, text: str, now: datetime) -> None:
    try:
        certificate = load_certificate(text)
    except ValueError as fault:
        draft.wrong("properties.certificate", str(fault))
        return
    for words in (_not_authority(certificate), _out_of_time(certificate, now)):
        if words:
            draft.wrong("properties.certificate", words)


def _not_authority(certificate: x509.Certificate) -> str | None:
    try:
        rules = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (x509.ExtensionNotFound, ValueError):
        return "is no CA certificate: it has no basicConstraints"
    return None if rules.value.ca else "is no CA certificate: basicConstraints says CA:FALSE"


def _out_of_time(certificate: x509.Certificate, now: datetime) -> str | None:
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return None if first <= now <= last else f"is valid from {first} to {last} only, now is {now:%Y-%m-%d}"


def _still_verified(draft: Draft) -> bool:
    """A client may send back what it read: the same certificate, verified before."""
    return bool(draft.was("properties", "isVerified")) and _same(draft)


def _same(draft: Draft) -> bool:
    try:
        given = der_text(load_certificate(str(draft.at("properties", "certificate"))))
    except ValueError:
        return False
    return bool(given == draft.was("properties", "certificate"))


def _build(world: World, draft: Draft) -> dict[str, Any]:
    certificate = load_certificate(draft.properties["certificate"])
    same = _same(draft)
    if not same:
        world.store.delete(_CODES, draft.id.lower())
    now = format_datetime(world.clock.now(), usegmt=True)
    created = draft.was("properties", "created") or now
    verified = same and bool(draft.was("properties", "isVerified"))
    state = {"isVerified": verified, "created": created, "updated": now}
    return {"properties": {**described(certificate), **state}}


def described(certificate: x509.Certificate) -> dict[str, Any]:
    """What the service shows of a certificate; the thumbprint is SHA-1, as in its examples."""
    return {
        "subject": certificate.subject.rfc4514_string(),
        "expiry": format_datetime(certificate.not_valid_after_utc, usegmt=True),
        "thumbprint": certificate.fingerprint(hashes.SHA1()).hex().upper(),  # noqa: S303 - the API's field
        "certificate": der_text(certificate),
    }


def _generate_code(world: World, document: Document, _call: Call, _names: Mapping[str, str]) -> Answer:
    code = secrets.token_hex(24).upper()
    world.store.put(_CODES, document["id"].lower(), {"code": code})
    _touch(world, document)
    properties = {**document["properties"], "verificationCode": code}
    return Answer(body={**document, "properties": properties})


def _verify(world: World, document: Document, call: Call, _names: Mapping[str, str]) -> Answer:
    faults: list[Fault] = []
    body = _REQUEST.shape.check(call.document(), "", faults)
    if not faults and "certificate" not in body:
        faults.append(Fault("certificate", "is required: the verification certificate"))
    if faults:
        raise invalid(faults)
    code = (world.store.get(_CODES, document["id"].lower()) or {}).get("code")
    words = _proof_fault(document, body["certificate"], code, world.clock.now())
    if words:
        raise invalid([Fault("certificate", words)])
    world.store.delete(_CODES, document["id"].lower())
    document["properties"]["isVerified"] = True
    _touch(world, document)
    return Answer(body=document)


def _proof_fault(document: Document, text: str, code: str | None, now: datetime) -> str | None:
    """Why a verification certificate proves nothing, None when it proves possession."""
    if code is None:
        return "there is no verification code to answer: call generateVerificationCode first"
    try:
        proof = load_certificate(text)
    except ValueError as fault:
        return f"the verification certificate {fault}"
    try:
        proof.verify_directly_issued_by(load_certificate(document["properties"]["certificate"]))
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return f"the verification certificate is not issued by {document['properties']['subject']}"
    names = [it.value for it in proof.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]
    if names != [code]:
        return f"its common name is {', '.join(map(str, names)) or 'missing'}, not the verification code"
    late = _out_of_time(proof, now)
    return f"the verification certificate {late}" if late else None


def _touch(world: World, document: Document) -> None:
    document["etag"] = new_etag()
    document["properties"]["updated"] = format_datetime(world.clock.now(), usegmt=True)
    world.store.put("arm", document["id"].lower(), document)


def _removed(world: World, document: Document) -> None:
    world.store.delete(_CODES, document["id"].lower())


def _type_below(parent: ResourceType, holder: str, shape: Published) -> ResourceType:
    return ResourceType(
        type=f"{parent.type}/certificates",
        path=parent.path.replace("{name}", f"{{{holder}}}") + "/certificates/{name}",
        versions=parent.versions,
        shape=shape,
        name=NameRule(re.compile(r"[A-Za-z0-9\-._]{1,64}"), "1 to 64 letters, digits and - . _"),
        build=_build,
        check=_check,
        removed=_removed,
        tagged=False,
        created=200,
        etag_required=frozenset({"PUT", "DELETE", "POST"}),
        actions={"generateVerificationCode": _generate_code, "verify": _verify},
    )


DPS_CERTIFICATE = _type_below(
    provisioning.PROVISIONING_SERVICE,
    "service",
    Published("azure.mgmt.iothubprovisioningservices", "CertificateResponse"),
)
HUB_CERTIFICATE = _type_below(
    hubs.IOT_HUB, "hub", Published("azure.mgmt.iothub.v2023_06_30", "CertificateDescription")
)
