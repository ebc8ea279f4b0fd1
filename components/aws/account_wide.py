"""What an account has once in a region, and to which fleet it belongs."""

import os
from collections.abc import Mapping, Sequence
from typing import Final, TypedDict

import pulumi
from pulumi_aws import iot, ssm

from components.aws.place import Place
from components.aws.roles import ready_role
from components.aws.service_role import IOT, allow

FOLDER: Final = "/muster/iot"
MARK: Final = f"{FOLDER}/account-wide"
"""Name of the SSM parameter that holds the owner's name."""
EVENTS: Final = (
    "THING",
    "THING_GROUP",
    "THING_TYPE",
    "THING_GROUP_MEMBERSHIP",
    "THING_GROUP_HIERARCHY",
    "THING_TYPE_ASSOCIATION",
    "JOB",
    "JOB_EXECUTION",
    "POLICY",
    "CERTIFICATE",
    "CA_CERTIFICATE",
)
"""EventType of botocore's model of AWS IoT."""
_LOG_GROUP = "log-group:AWSIotLogsV2:*"
"""Where AWS IoT writes its logs; the name is AWS' ("Configure AWS IoT logging"), `*` is for its streams."""
_LOGS = (
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "logs:PutMetricFilter",
    "logs:PutRetentionPolicy",
)


class AccountWideArgs(TypedDict):
    """Arguments of AccountWide."""

    place: Place
    indexing: bool
    """False: the account's index is left alone."""
    events: Sequence[str]
    """The kinds of EVENTS that are published, the others are not; none: events are left alone."""
    log_level: str | None
    """ERROR, WARN, INFO or DEBUG; None: logging is left alone."""
    tags: Mapping[str, str]


class AccountWide(pulumi.ComponentResource):
    """Indexing, events and logging of an account's region: settings that exist once.

    They belong to one stack of a fleet, which the SSM parameter MARK names (`coldchain-prod`). The parameter
    is made before everything else and never overwritten: of two fleets that come at once the second fails
    (ParameterAlreadyExists), and with it everything here and whatever waits for `mark`. Ask `owner` first: a
    fleet that is not the owner declares no AccountWide.

    Handed over it is by the owner: it takes accountWide out of its description and runs `pulumi up`, which
    removes the mark; the next one's `up` makes it anew. The mark is not to be edited by hand. What somebody
    set in the account without Muster is overwritten, as such settings carry no owner; what AWS keeps when a
    setting is removed is AWS' business (an index stays, say).
    """

    mark: ssm.Parameter
    """Whatever else exists once in an account waits for it."""
    log_role_arn: pulumi.Output[str] | None

    def __init__(self, name: str, args: AccountWideArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("muster:aws:AccountWide", name, {}, opts)
        self.mark = self._mark(name, args)
        self.log_role_arn = None
        if args["indexing"]:
            self._indexing(name)
        if args["events"]:
            self._events(name, args["events"])
        if args["log_level"] is not None:
            self._logging(name, args, args["log_level"])
        self.register_outputs({"owner": args["place"].name()})

    def _mark(self, name: str, args: AccountWideArgs) -> ssm.Parameter:
        return ssm.Parameter(
            f"{name}-mark",
            name=MARK,
            type="String",
            insecure_value=args["place"].name(),  # no secret: a preview may show it
            description="The fleet that the account-wide settings of AWS IoT belong to. Made by Muster.",
            tags=args["tags"],
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _indexing(self, name: str) -> None:
        iot.IndexingConfiguration(
            f"{name}-index",
            thing_indexing_configuration=iot.IndexingConfigurationThingIndexingConfigurationArgs(
                thing_indexing_mode="REGISTRY_AND_SHADOW",
                thing_connectivity_indexing_mode="STATUS",
            ),
            thing_group_indexing_configuration=iot.IndexingConfigurationThingGroupIndexingConfigurationArgs(
                thing_group_indexing_mode="ON"
            ),
            opts=self._marked(),
        )

    def _events(self, name: str, events: Sequence[str]) -> None:
        if unknown := sorted(set(events) - set(EVENTS)):
            raise pulumi.RunError(
                f"AWS IoT has no events of {', '.join(unknown)}, but of {', '.join(EVENTS)}"
            )
        iot.EventConfigurations(
            f"{name}-events",
            event_configurations={kind: kind in events for kind in EVENTS},
            opts=self._marked(),
        )

    def _logging(self, name: str, args: AccountWideArgs, level: str) -> None:
        place = args["place"]
        role = ready_role(
            f"{name}-logging",
            {
                "place": place,
                "role_name": place.name("logging"),
                "service": IOT,
                "description": "AWS IoT writes its own log.",
                "tags": args["tags"],
            },
            [allow(_LOGS, place.arn("logs", _LOG_GROUP))],
            self._marked(),
        )
        self.log_role_arn = role.arn
        iot.LoggingOptions(
            f"{name}-logging",
            default_log_level=level,
            role_arn=role.arn,
            opts=self._marked(role.rights),
        )

    def _marked(self, *more: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, depends_on=[self.mark, *more])


def owner(opts: pulumi.InvokeOptions | None = None) -> str | None:
    """To whom the account-wide settings belong now; None: to nobody. AWS is asked, in previews as well; only
    in one without an account (MUSTER_OFFLINE) nobody is, and a message says so. Raises pulumi.RunError."""
    if os.environ.get("MUSTER_OFFLINE"):
        pulumi.log.info(
            "MUSTER_OFFLINE is set: AWS is not asked whether the account-wide settings (SSM parameter "
            f"{MARK}) belong to another fleet; shown is what `pulumi up` does if they belong to none"
        )
        return None
    try:
        found = ssm.get_parameters_by_path(path=FOLDER, recursive=False, with_decryption=False, opts=opts)
    except Exception as error:  # noqa: BLE001 - the SDK raises nothing else for what a provider refused
        raise pulumi.RunError(
            f"nothing was changed: it cannot be asked to whom the account-wide settings of AWS IoT belong "
            f"({error}). The right to do so is ssm:GetParametersByPath on {FOLDER}; a fleet without "
            "aws.accountWide does not need it"
        ) from None
    return dict(zip(found.names, found.values, strict=True)).get(MARK)


def is_ours(mine: str, found: str | None) -> bool:
    """Whether `mine` may declare the settings. If not, a warning says to whom they belong and what to do."""
    if found is None or found == mine:
        return True
    pulumi.log.warn(
        f"The account-wide settings of AWS IoT (index, events, logging, audit, certificate provider) in this "
        f"account and region belong to {found}, as the SSM parameter {MARK} says: {mine} declares none of "
        f"them. Take aws.accountWide out of this description; or out of that of {found}, run `pulumi up` "
        "there and then here."
    )
    return False
