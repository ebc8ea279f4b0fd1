"""What policies can say about a certificate: policy variables, which are condition keys too. Pure.

Source: "X.509 Certificate AWS IoT Core policy variables" and "Thing policy variables" (developer guide). An
attribute that is there several times is numbered from 0; the plain name is the first one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

_CERTIFICATE = "iot:Certificate."
_THING = "iot:Connection.Thing."
_NAMES = {
    NameOID.DN_QUALIFIER: "DistinguishedNameQualifier",
    NameOID.COUNTRY_NAME: "Country",
    NameOID.ORGANIZATION_NAME: "Organization",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OrganizationalUnit",
    NameOID.STATE_OR_PROVINCE_NAME: "State",
    NameOID.COMMON_NAME: "CommonName",
    NameOID.SERIAL_NUMBER: "SerialNumber",
    NameOID.TITLE: "Title",
    NameOID.SURNAME: "Surname",
    NameOID.GIVEN_NAME: "GivenName",
    NameOID.INITIALS: "Initials",
    NameOID.PSEUDONYM: "Pseudonym",
    NameOID.GENERATION_QUALIFIER: "GenerationQualifier",
}
_ALTERNATIVES: tuple[tuple[str, type[x509.GeneralName]], ...] = (
    ("RFC822Name", x509.RFC822Name),
    ("DNSName", x509.DNSName),
    ("UniformResourceIdentifier", x509.UniformResourceIdentifier),
    ("IPAddress", x509.IPAddress),
    ("RegisteredID", x509.RegisteredID),
)


def of_certificate(certificate: x509.Certificate) -> dict[str, str]:
    """Variables by name."""
    found = {f"{_CERTIFICATE}SerialNumber": f"{certificate.serial_number:X}"}
    found |= _of_name(f"{_CERTIFICATE}Subject", certificate.subject)
    found |= _of_name(f"{_CERTIFICATE}Issuer", certificate.issuer)
    for kind, values in _alternatives(certificate):
        found |= _numbered(f"{_CERTIFICATE}SubjectAlternativeName.{kind}", values)
    return found


def of_thing(thing: Mapping[str, Any] | None) -> dict[str, str]:
    """Variables of the thing that is connected; None: the certificate is attached to none of this name."""
    if thing is None:
        return {f"{_THING}IsAttached": "false"}
    found = {f"{_THING}IsAttached": "true", f"{_THING}ThingName": str(thing["name"])}
    if thing.get("type"):
        found[f"{_THING}ThingTypeName"] = str(thing["type"])
    return found | {f"{_THING}Attributes[{key}]": str(value) for key, value in thing["attributes"].items()}


def _of_name(prefix: str, name: x509.Name) -> dict[str, str]:
    found: dict[str, str] = {}
    for oid, word in _NAMES.items():
        values = [str(it.value) for it in name.get_attributes_for_oid(oid)]
        found |= _numbered(f"{prefix}.{word}", values)
    return found


def _alternatives(certificate: x509.Certificate) -> list[tuple[str, list[str]]]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):  # ValueError: extensions that cannot be parsed say nothing
        return []
    return [
        (word, [_shown(it.value) for it in names if isinstance(it, kind)]) for word, kind in _ALTERNATIVES
    ]


def _shown(value: object) -> str:
    return value.dotted_string if isinstance(value, x509.ObjectIdentifier) else str(value)


def _numbered(name: str, values: Sequence[str]) -> dict[str, str]:
    if not values:
        return {}
    return {name: values[0], **{f"{name}.{place}": value for place, value in enumerate(values)}}
