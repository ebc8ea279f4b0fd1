"""What inputs must look like, and how two spellings of one value are compared. Shared by the handlers."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import Any

from cryptography import x509

from certs.chain import fingerprint, parse_certificates, pem
from certs.errors import UnreadableError
from provider.errors import InvalidIdError
from provider.fields import Rule

FINGERPRINT = re.compile(r"^sha256:[0-9a-f]{64}$")


def pattern(expression: str, right: str, *, flags: re.RegexFlag = re.IGNORECASE) -> Rule:
    """A rule: the whole text matches the expression, in any case unless `flags` say; `right` is in words."""
    compiled = re.compile(expression, flags)
    return lambda text: None if compiled.fullmatch(text) else right


def id_parts(expression: re.Pattern[str], resource_id: str, what: str, right: str) -> re.Match[str]:
    """The parts of a resource's id. Raises InvalidIdError, which says what would be one."""
    match = expression.fullmatch(resource_id)
    if match is None:
        raise InvalidIdError(f'"{resource_id}" is no id of {what}; {right} is')
    return match


def choice(*allowed: str) -> Rule:
    """A rule: one of these words."""
    words = ", ".join(allowed[:-1]) + (" or " if allowed[1:] else "") + allowed[-1]
    return lambda text: None if text in allowed else f"{words} would be right"


def at_least(least: int) -> Rule:
    """A rule: a number not below this."""
    return lambda number: None if number >= least else f"{least} or more would be right"


service_host = pattern(
    r"[a-z0-9-]+\.azure-devices-provisioning\.(net|us|cn)",
    "the service operations host would be right, such as contoso.azure-devices-provisioning.net (a token is "
    "sent there, so no other domain is taken)",
)
hub_host = pattern(
    r"[a-z0-9-]+\.azure-devices\.(net|us|cn)",
    "the hub's host name would be right, such as contoso.azure-devices.net",
)
service_id = pattern(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Devices/provisioningServices/[^/]+",
    "the ARM id of a provisioning service would be right: /subscriptions/…/resourceGroups/…/providers/"
    "Microsoft.Devices/provisioningServices/…",
)
hub_id = pattern(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Devices/IotHubs/[^/]+",
    "the ARM id of a hub would be right: /subscriptions/…/resourceGroups/…/providers/Microsoft.Devices/"
    "IotHubs/…",
)
namespace_id = pattern(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.DeviceRegistry/namespaces/[^/]+",
    "the ARM id of a Device Registry namespace would be right: /subscriptions/…/resourceGroups/…/providers/"
    "Microsoft.DeviceRegistry/namespaces/…",
)
group_id = pattern(
    r"[a-z0-9._:-]{0,127}[a-z0-9-]",
    "up to 128 letters, digits and . _ - : with a letter, a digit or - at the end would be right",
)
registration_id = pattern(
    r"[a-z0-9]([a-z0-9._:-]{0,126}[a-z0-9])?",
    "up to 128 letters, digits and . _ - : with a letter or digit at both ends would be right",
)
device_id = pattern(
    r"[a-z0-9:.+%_#*?!(),=@;$'-]{1,128}",
    "up to 128 letters, digits and - : . + % _ # * ? ! ( ) , = @ ; $ ' would be right",
)
registry_namespace = pattern(
    r"[a-z0-9][a-z0-9-]{1,62}[a-z0-9]",
    "3 to 64 lower-case letters, digits and inner - would be right",
    flags=re.NOFLAG,
)
configuration_id = pattern(
    r"[a-z0-9:+%_#*?!(),=@;$'-]{1,128}",
    "up to 128 lower-case letters, digits and - : + % _ # * ? ! ( ) , = @ ; $ ' would be right",
    flags=re.NOFLAG,
)
thumbprint = pattern(
    r"[0-9a-f]{40}|[0-9a-f]{64}",
    "the certificate's SHA-1 or SHA-256 thumbprint would be right (40 or 64 hexadecimal digits)",
)
registry_name = pattern(
    r"[a-z0-9][a-z0-9-]{2,62}", "3 to 63 letters, digits and - after the first would be right"
)
api_version = pattern(r"\d{4}-\d\d-\d\d(-preview)?", "an API version would be right, such as 2021-10-01")
webhook_url = pattern(r"https://[a-z0-9.-]+(:\d+)?(/\S*)?", "the https:// URL of a function would be right")
registration_code = pattern(
    r"(0x)?[a-f0-9]{62,64}",
    "the registration code of an AWS account would be right: 64 hexadecimal digits",
)
"""botocore iot 2015-05-28, RegistrationCode: 64 letters, of which `0x` may be two."""
certificate_name = pattern(r"[a-z0-9._-]{1,64}", "up to 64 letters, digits and . _ - would be right")


def every(rule: Rule) -> Rule:
    """A rule for a list: the rule holds for each item, and no item comes twice."""

    def check(items: Sequence[Any]) -> str | None:
        wrong = [right for right in map(rule, items) if right is not None]
        if wrong:
            return f"one item does not fit: {wrong[0]}"
        return "an item comes twice; once would be right" if len({*map(lower, items)}) < len(items) else None

    return check


def authority(text: str) -> str | None:
    """A rule: one CA certificate in PEM, and nothing else."""
    right = "the PEM text of one CA certificate would be right"
    if "-----BEGIN" not in text:
        return right
    try:
        found = parse_certificates(text.encode(), "it")
    except UnreadableError as error:
        return f"{error.wrong}; {right}"
    if len(found) != 1:
        return f"it holds {len(found)} certificates; {right}"
    if not _is_authority(found[0]):
        subject = found[0].subject.rfc4514_string()
        return f"the certificate of {subject} is no CA (basic constraints); {right}"
    return None


def leaf(text: str) -> str | None:
    """A rule: one certificate of a device in PEM, nothing else; or the `sha256:…` that an import writes."""
    if FINGERPRINT.fullmatch(text):
        return None
    right = "the PEM text of the device's certificate would be right"
    if "-----BEGIN" not in text:
        return right
    try:
        found = parse_certificates(text.encode(), "it")
    except UnreadableError as error:
        return f"{error.wrong}; {right}"
    return None if len(found) == 1 else f"it holds {len(found)} certificates; {right}"


def common_names(text: str) -> list[str]:
    """The common names in the subject of a certificate; none where only a fingerprint is known."""
    if FINGERPRINT.fullmatch(text):
        return []
    subject = parse_certificates(text.encode(), "it")[0].subject
    return [str(each.value) for each in subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)]


def authority_or_fingerprint(text: str) -> str | None:
    """A rule: as `authority`, or the `sha256:…` that an import writes where the service keeps the PEM to
    itself.
    """
    return None if FINGERPRINT.fullmatch(text) else authority(text)


def lower(text: str) -> str:
    """For names that are the same in any case."""
    return str(text).lower()


def compact(text: str) -> str:
    """For base64: line breaks mean nothing."""
    return "".join(str(text).split())


def unordered(normal: Callable[[Any], Any]) -> Callable[[Sequence[Any]], list[Any]]:
    """For lists whose order means nothing."""
    return lambda items: sorted(map(normal, items))


def same_certificate(text: str) -> str:
    """For certificates: `sha256:…` whatever the line breaks and text around it; other text as it is."""
    if FINGERPRINT.fullmatch(text):
        return text
    try:
        return f"sha256:{fingerprint(parse_certificates(text.encode(), 'it')[0])}"
    except UnreadableError:
        return text.strip()


def from_service(text: str) -> x509.Certificate:
    """The certificate that an Azure service sent: PEM, or base64 of PEM or of DER. Raises UnreadableError."""
    if "-----BEGIN" in text:
        return parse_certificates(text.encode(), "the service's certificate")[0]
    try:
        data = base64.b64decode(text)
    except binascii.Error as error:
        raise UnreadableError("the service's certificate", "is no base64") from error
    return parse_certificates(data, "the service's certificate")[0]


def pem_from_service(text: str) -> str:
    """As `from_service`, as PEM text."""
    return pem(from_service(text))


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
