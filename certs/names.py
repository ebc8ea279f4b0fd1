"""Rules for the names that go into certificates: fleets, factories, registration ids, common names."""

from __future__ import annotations

import re

from certs.errors import InvalidNameError

COMMON_NAME_MAX = 64
"""ub-common-name, RFC 5280 appendix A.1 (X.520)."""

ROOT = "root"
"""The name of the root among the certificates of a chain, so no factory may have it."""

_FLEET = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]*[A-Za-z0-9])?")
_FACTORY = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
# Azure/azure-rest-api-specs, deviceprovisioningservices data plane 2021-10-01, `registrationId`: up to 128,
# but a common name ends at 64, so an X.509 device has 64.
_REGISTRATION_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]*[A-Za-z0-9])?")
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


def check_authority(name: str, factories: tuple[str, ...]) -> None:
    """Check a fleet and its factories together: every fault in one InvalidNameError."""
    faults = [fault for fault in (_fault("fleet name", name), *_factory_faults(name, factories)) if fault]
    if faults:
        raise InvalidNameError("\n".join(faults))


def common_name(name: str, part: str) -> str:
    """The common name of a certificate of an authority, such as `coldchain oslo`."""
    return f"{name} {part}"


def _factory_faults(name: str, factories: tuple[str, ...]) -> list[str]:
    faults = [_fault("factory name", factory) for factory in factories]
    if not factories:
        faults.append("no factory: give at least one, each gets an issuer of its own")
    faults += [
        f"factory name '{factory}': taken, the root's file has it" for factory in factories if factory == ROOT
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
