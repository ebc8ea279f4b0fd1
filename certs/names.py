"""Rules for the names that go into certificates: fleets, factories, registration ids, common names."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

from cryptography import x509

from certs.errors import InvalidNameError

COMMON_NAME_MAX = 64
"""ub-common-name, RFC 5280 appendix A.1 (X.520)."""

ROOT = "root"
"""The name of the root among the certificates of a chain, so no factory may have it."""

_SUCCESSOR = re.compile(rf"{ROOT}-[0-9]+")
_FLEET = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]*[A-Za-z0-9])?")
_FACTORY = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
# Azure/azure-rest-api-specs, deviceprovisioningservices data plane 2021-10-01, `registrationId`: up to 128,
# but a common name ends at 64, so an X.509 device has 64.
_REGISTRATION_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]*[A-Za-z0-9])?")
# RFC 1123 section 2.1; the preferred syntax that RFC 5280 section 4.2.1.6 asks for.
_HOST = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
_HOST_MAX = 253
_PRINTABLE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")

_RULES = {
    "fleet name": (_FLEET, "letters, digits, space and . _ -, beginning and ending with a letter or digit"),
    "factory name": (
        _FACTORY,
        "lower-case letters, digits and -, beginning and ending with a letter or digit",
    ),
    "registration id": (
        _REGISTRATION_ID,
        "letters, digits and . _ - :, beginning and ending with a letter or digit",
    ),
    "verification code": (_PRINTABLE, "printable ASCII, as the cloud gave it"),
}


def check(kind: str, value: str) -> str:
    """Return `value` when it keeps the rule for `kind` (see the table); raises InvalidNameError."""
    pattern, rule = _RULES[kind]
    if not pattern.fullmatch(value) or len(value) > COMMON_NAME_MAX:
        raise InvalidNameError(f"{kind} {_shown(value)}: must be 1 to {COMMON_NAME_MAX} characters: {rule}")
    return value


def check_length(common_name: str) -> str:
    """Return a common name that is not too long; raises InvalidNameError."""
    if len(common_name) > COMMON_NAME_MAX:
        raise InvalidNameError(
            f"common name {_shown(common_name)} has {len(common_name)} characters; at most {COMMON_NAME_MAX}"
        )
    return common_name


def hosts(given: Sequence[str]) -> tuple[x509.GeneralName, ...]:
    """Names of hosts and IP addresses as alternative names; raises InvalidNameError, naming every bad one."""
    found, faults = [], []
    for text in given:
        try:
            found.append(_host(text))
        except InvalidNameError as error:
            faults.append(str(error))
    if faults:
        raise InvalidNameError("\n".join(faults))
    return tuple(found)


def domains(given: Sequence[str]) -> tuple[str, ...]:
    """Domains, checked; raises InvalidNameError."""
    for text in given:
        if not _HOST.fullmatch(text) or len(text) > _HOST_MAX:
            raise InvalidNameError(
                f"domain {_shown(text)}: labels of letters, digits and -, with dots between"
            )
    return tuple(given)


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        pass
    if not _HOST.fullmatch(text) or len(text) > _HOST_MAX:
        raise InvalidNameError(
            f"host {_shown(text)}: an IP address, or labels of letters, digits and - with dots between"
        )
    return x509.DNSName(text)


def check_authority(name: str, factories: tuple[str, ...], least: int = 1) -> None:
    """Check a fleet and its factories together, at least so many: every fault in one InvalidNameError."""
    faults = [fault for fault in (_fault("fleet name", name), *_factory_faults(name, factories)) if fault]
    if len(factories) < least:
        faults.append("no factory: give at least one, each gets an issuer of its own")
    if faults:
        raise InvalidNameError("\n".join(faults))


def common_name(name: str, part: str) -> str:
    """The common name of a certificate of an authority, such as `coldchain oslo`."""
    return f"{name} {part}"


def _factory_faults(name: str, factories: tuple[str, ...]) -> list[str]:
    faults = [_fault("factory name", factory) for factory in factories]
    faults += [
        f"factory name '{factory}': taken, the root's file has it" for factory in factories if factory == ROOT
    ]
    faults += [
        f"factory name '{factory}': kept for a root's successor"
        for factory in factories
        if _SUCCESSOR.fullmatch(factory)
    ]
    twice = sorted({factory for factory in factories if factories.count(factory) > 1})
    faults += [f"factory name '{factory}': given twice" for factory in twice]
    longest = max((len(common_name(name, part)) for part in (ROOT, *factories)), default=0)
    if longest > COMMON_NAME_MAX:
        faults.append(f"fleet and factory name together have {longest} characters; at most {COMMON_NAME_MAX}")
    return [fault for fault in faults if fault]


def _fault(kind: str, value: str) -> str:
    try:
        check(kind, value)
    except InvalidNameError as error:
        return str(error)
    return ""


def _shown(value: str) -> str:
    """The value as one can print it: control characters escaped, long ones cut."""
    return repr(value if len(value) <= COMMON_NAME_MAX + 8 else f"{value[:COMMON_NAME_MAX]}…")
