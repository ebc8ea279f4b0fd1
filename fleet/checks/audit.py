"""What AWS IoT Device Defender Audit can do about what it finds."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.checks.findings import Check
from fleet.description import Fleet
from fleet.errors import Finding, Path

_OF_DEVICES = frozenset(
    {
        "deviceCertificateExpiring",
        "deviceCertificateKeyQuality",
        "deviceCertificateShared",
        "intermediateCaRevokedForActiveDeviceCertificates",
        "revokedDeviceCertificateStillActive",
    }
)
_OF_AUTHORITIES = frozenset(
    {"caCertificateExpiring", "caCertificateKeyQuality", "revokedCaCertificateStillActive"}
)
"""The checks that have answers of ours: "Mitigation actions", AWS IoT Device Defender developer guide
(UPDATE_DEVICE_CERTIFICATE and ADD_THINGS_TO_THING_GROUP; UPDATE_CA_CERTIFICATE)."""


def _answers_fit_the_findings(fleet: Fleet) -> Iterator[Finding]:
    account = fleet.aws.account_wide if fleet.aws is not None else None
    if account is None or account.audit is None:
        return
    path: Path = ("aws", "accountWide", "audit")
    for check, answer in account.audit.mitigate.items():
        place = (*path, "mitigate", check)
        answers = ["quarantine", "deactivate"] if check in _OF_DEVICES else []
        answers += ["deactivate"] if check in _OF_AUTHORITIES else []
        if answer not in answers:
            right = f"AWS has {' and '.join(answers)}" if answers else "leave it out: AWS has neither answer"
            yield Finding(place, f"AWS cannot {answer} what this check finds", right)
        if check not in account.audit.checks:
            wrong = "an answer to a check that is not made"
            yield Finding(place, wrong, "add it to checks, or leave it out", needs=((*path, "checks"),))


CHECKS: tuple[Check, ...] = (_answers_fit_the_findings,)
