"""What a fleet has on AWS beside its devices: endpoint, telemetry, credentials, settings of the account."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import iot

from components.aws import account_wide, names
from components.aws.account_wide import AccountWide
from components.aws.audit import Audit
from components.aws.certificate_provider import CertificateProvider
from components.aws.detect import Detect
from components.aws.endpoint_security import EndpointSecurity
from components.aws.provisioner_role import ProvisionerRole
from components.aws.role_alias import RoleAlias
from components.aws.service_role import allow
from components.aws.telemetry_pipeline import TelemetryPipeline
from components.fleet.aws.ground import Ground
from components.placing import on
from fleet.description import AccountWide as AccountWideDescribed
from fleet.description import Audit as AuditDescribed
from fleet.description import Detect as DetectDescribed
from fleet.description import Stream

_LEVELS = {"error": "ERROR", "warn": "WARN", "info": "INFO", "debug": "DEBUG"}


def address(ground: Ground, kind: str) -> pulumi.Output[str]:
    """The host of one of the account's endpoints (iot DescribeEndpoint), such as `iot:Data-ATS`."""
    found = iot.get_endpoint_output(endpoint_type=kind, opts=pulumi.InvokeOutputOptions(provider=ground.aws))
    return found.endpoint_address


def endpoint(ground: Ground) -> pulumi.Output[str] | None:
    """Where devices connect to when it is not the account's own endpoint."""
    domain = ground.described.domain
    return EndpointSecurity(
        ground.named("endpoint"),
        {
            "place": ground.place,
            "minimum_tls": ground.described.minimum_tls,
            "domain": None
            if domain is None
            else {"name": domain.name, "certificate_arn": domain.certificate_arn},
            "tags": ground.tags,
        },
        ground.opts,
    ).host


@dataclass(frozen=True)
class Settings:
    """The account's own settings, what can be done about findings of its audit (actions by check), and which
    function signs certificates.
    """

    account: AccountWide
    mitigations: Mapping[str, Sequence[str]]
    signer: pulumi.Output[str] | None


def settings(ground: Ground) -> Settings | None:
    """Declare the account's own settings, if the description asks for them and they are ours."""
    described = ground.described.account_wide
    return None if described is None else _account_wide(ground, described)


def declare(ground: Ground, account: Settings | None, groups: Mapping[str, pulumi.Output[str]]) -> None:
    """Declare what else the description asks for. `groups` are the names of thing groups that are there."""
    aws = ground.described
    _credentials(ground)
    _telemetry(ground)
    if aws.detect is not None:
        _detect(ground, aws.detect, groups)
    if aws.provisioner is not None:
        ProvisionerRole(
            ground.named("provisioner"),
            {
                "place": ground.place,
                "max_minutes": aws.provisioner.max_minutes,
                "sources": aws.provisioner.sources,
                "account_wide": account is not None,
                "signer": None if account is None else account.signer,
                "tags": ground.tags,
            },
            ground.opts,
        )


def _credentials(ground: Ground) -> None:
    credentials = ground.described.credentials
    if credentials is None:
        return
    # `/*` is the objects below a device's own name.
    own = f"arn:{ground.place.partition}:s3:::{credentials.uploads}/${{credentials-iot:ThingName}}/*"
    RoleAlias(
        ground.named("credentials"),
        {
            "place": ground.place,
            "alias": credentials.role_alias,
            "seconds": credentials.seconds,
            "statements": [allow(["s3:PutObject"], own)],
            "tags": ground.tags,
        },
        ground.opts,
    )


def _telemetry(ground: Ground) -> None:
    telemetry = ground.described.telemetry
    if telemetry is None:
        return
    target = telemetry.target
    TelemetryPipeline(
        ground.named("telemetry"),
        {
            "place": ground.place,
            "topics": telemetry.topics,
            "shards": target.shards if isinstance(target, Stream) else None,
            "protect": ground.fleet.protect,
            "tags": ground.tags,
        },
        ground.opts,
    )


def _account_wide(ground: Ground, described: AccountWideDescribed) -> Settings | None:
    """The account's own settings, unless they are another fleet's: then None, and a warning says so."""
    found = account_wide.owner(pulumi.InvokeOptions(provider=ground.aws))
    if not account_wide.is_ours(ground.place.name(), found):
        return None
    made = AccountWide(
        ground.named("account"),
        {
            "place": ground.place,
            "indexing": described.indexing,
            "events": [_event(kind) for kind in described.events],
            "log_level": None if described.logging is None else _LEVELS[described.logging],
            "tags": ground.tags,
        },
        ground.opts,
    )
    audit = None if described.audit is None else _audit(ground, described.audit, made)
    provider = described.certificate_provider
    signer = None if provider is None else _signer(ground, provider.function, made)
    return Settings(made, {} if audit is None else audit.mitigations, signer)


def _signer(ground: Ground, function: str, account: AccountWide) -> pulumi.Output[str]:
    provider = CertificateProvider(
        ground.named("certificates"),
        {"place": ground.place, "function": function, "tags": ground.tags},
        ground.after([account.mark]),
    )
    return provider.function_arn


def _event(kind: str) -> str:
    """A kind of event as AWS' API spells it: caCertificate is CA_CERTIFICATE."""
    return re.sub("([A-Z])", r"_\1", kind).upper()


def _audit(ground: Ground, audit: AuditDescribed, account: AccountWide) -> Audit:
    return Audit(
        ground.named("audit"),
        {
            "place": ground.place,
            "checks": audit.checks,
            "schedule": audit.schedule.upper(),
            "emails": audit.emails,
            "mitigate": audit.mitigate,
            "tags": ground.tags,
        },
        ground.after([account.mark]),
    )


def _detect(ground: Ground, detect: DetectDescribed, groups: Mapping[str, pulumi.Output[str]]) -> None:
    watched = [groups[names.group(ground.fleet.name, key)] for key in detect.groups or _all(ground)]
    Detect(
        ground.named("detect"),
        {
            "place": ground.place,
            "existing_customer": detect.existing_customer,
            "behaviors": {
                name: {
                    "metric": each.metric,
                    "more_than": each.more_than,
                    "window_minutes": each.window_minutes,
                    "windows": each.windows,
                }
                for name, each in detect.behaviors.items()
            },
            "groups": [
                ground.place.arn("iot", pulumi.Output.concat("thinggroup/", name)) for name in watched
            ],
            "emails": detect.emails,
            "tags": ground.tags,
        },
        ground.opts,
    )


def _all(ground: Ground) -> list[str]:
    return list(on("aws", ground.fleet.groups))
