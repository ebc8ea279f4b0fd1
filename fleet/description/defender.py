"""AWS IoT Device Defender: audits of an account, and alarms on how devices behave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from fleet.constraints import Between, Count, Doc, Text
from fleet.description.names import Email, GroupId

AUDIT_CHECKS = (
    "authenticatedCognitoRoleOverlyPermissive",
    "caCertificateExpiring",
    "caCertificateKeyQuality",
    "conflictingClientIds",
    "deviceCertificateAge",
    "deviceCertificateExpiring",
    "deviceCertificateKeyQuality",
    "deviceCertificateShared",
    "intermediateCaRevokedForActiveDeviceCertificates",
    "iotPolicyOverlyPermissive",
    "iotPolicyPotentialMisconfiguration",
    "iotRoleAliasAllowsAccessToUnusedServices",
    "iotRoleAliasOverlyPermissive",
    "loggingDisabled",
    "revokedCaCertificateStillActive",
    "revokedDeviceCertificateStillActive",
    "unauthenticatedCognitoRoleOverlyPermissive",
)
"""The audit checks there are ("Audit checks", AWS IoT Device Defender Developer Guide; the properties of
`AccountAuditConfiguration` in pulumi_aws_native 1.84). In AWS' spelling: DEVICE_CERTIFICATE_SHARED_CHECK."""
AuditCheck = Annotated[str, Text("|".join(AUDIT_CHECKS), "audit check", f"one of {', '.join(AUDIT_CHECKS)}")]
BehaviorName = Annotated[
    str, Text("[a-zA-Z0-9:_-]{1,128}", "behaviour name", "1 to 128 letters, digits and : _ -")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What is audited in the account, how often, and who is told."""

    checks: Annotated[tuple[AuditCheck, ...], Count("audit check", 1), Doc("The checks that are made.")] = (
        AUDIT_CHECKS
    )
    schedule: Annotated[
        Literal["daily", "weekly", "biweekly", "monthly"],
        Doc("How often: every day, on Mondays, on every second Monday, or on the first of a month."),
    ] = "daily"
    emails: Annotated[
        tuple[Email, ...],
        Count("e-mail address", 0, 100),
        Doc("Addresses that get the findings. Each confirms a message of AWS first."),
    ] = ()
    mitigate: Annotated[
        Mapping[AuditCheck, Literal["quarantine", "deactivate"]],
        Count("check"),
        Doc(
            "Mitigation actions to have ready, by the check whose findings they answer. quarantine: the "
            "things join a group of their own; deactivate: the certificates become inactive."
        ),
    ] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behavior:
    """What is unusual for one device, as AWS itself counts."""

    metric: Annotated[
        Literal[
            "authorizationFailures",
            "connectionAttempts",
            "disconnects",
            "messagesReceived",
            "messagesSent",
        ],
        Doc("What is counted."),
    ]
    more_than: Annotated[int, Between(0, 1_000_000_000), Doc("More than so many within the window.")]
    window_minutes: Annotated[
        int, Between(5, 60, among=(5, 10, 15, 30, 60)), Doc("How long the window is, in minutes.")
    ] = 5
    windows: Annotated[
        int, Between(1, 10), Doc("How many windows in a row must be unusual before there is an alarm.")
    ] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Detect:
    """AWS IoT Device Defender Detect, which AWS sells to customers who had it before 31 August 2026 only."""

    existing_customer: Annotated[
        bool, Doc("That the account has had Detect since before 31 August 2026: must be true.")
    ]
    behaviors: Annotated[
        Mapping[BehaviorName, Behavior], Count("behaviour", 1, 100), Doc("What is unusual, by name.")
    ]
    groups: Annotated[
        tuple[GroupId, ...], Count("group"), Doc("The groups that are watched; empty: all that are on AWS.")
    ] = ()
    emails: Annotated[
        tuple[Email, ...],
        Count("e-mail address", 0, 100),
        Doc("Addresses that get the alarms. Each confirms a message of AWS first."),
    ] = ()
