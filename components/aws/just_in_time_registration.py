"""Just-in-time registration: a function looks at each device of a CA before it is let in."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypedDict

import pulumi
from pulumi_aws import dynamodb, iot, lambda_, sqs

from components.aws import enrolment_function, roles
from components.aws.place import Place
from components.aws.provisioning_template import Registered
from components.aws.service_role import IOT, Statement, allow

_SECONDS: Final = 60
_SQL_VERSION: Final = "2016-03-23"


class JustInTimeRegistrationArgs(TypedDict):
    """Arguments of JustInTimeRegistration."""

    place: Place
    key: str
    """Short name of the group, for what is made for it alone."""
    authorities: Mapping[str, pulumi.Input[str]]
    """Ids of the CAs in AWS IoT, by issuer: two while one replaces the other."""
    data_endpoint: pulumi.Input[str]
    """Host of the account's data plane (`iot:Data-ATS`), where shadows are."""
    allow: Literal["registered", "any"]
    """registered: things that are in the registry already; any: whoever the CA signed."""
    registered: Registered
    desired: Mapping[str, Any]
    """The first shadow; one that is there stays."""
    enabled: bool
    tags: dict[str, str]


class JustInTimeRegistration(pulumi.ComponentResource):
    """A topic rule on what AWS IoT tells of new certificates of a CA, and the function that it calls
    ("Just-in-time registration", AWS IoT Core developer guide; components/aws/functions/registration).

    The function activates a certificate last, once thing, group, policies and shadow are in place. What it
    fails at three times, and what the rule cannot deliver, goes to a queue of dead letters, and the
    certificate stays pending. A certificate whose serial number stands in the table of revoked ones
    (`revoked_table`, key `serial`, lower-case hexadecimal) is not let in; `muster revocation reconcile` fills
    it from CRLs, and ends those that are in AWS IoT already.

    AWS tells of a certificate once, at its first connection. Between the CA's registration and the rule's
    creation lie moments of the very first `up`: who connects just then waits for an operator.
    """

    function_arn: pulumi.Output[str]
    revoked_table: pulumi.Output[str]
    dead_letters_url: pulumi.Output[str]

    def __init__(
        self, name: str, args: JustInTimeRegistrationArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:aws:JustInTimeRegistration", name, {}, opts)
        self._opts = pulumi.ResourceOptions(parent=self)
        place = args["place"]
        dead = enrolment_function.dead_letters(
            name, place, place.name(args["key"], "jitr-dead"), args["tags"], self._opts
        )
        table = self._table(name, args)
        function = self._function(name, args, table, dead)
        self._rules(name, args, function, dead, opts)
        self.function_arn, self.revoked_table, self.dead_letters_url = function.arn, table.name, dead.url
        self.register_outputs({"functionArn": function.arn, "revokedTable": table.name})

    def _table(self, name: str, args: JustInTimeRegistrationArgs) -> dynamodb.Table:
        return dynamodb.Table(
            f"{name}-revoked",
            name=args["place"].name(args["key"], "revoked"),
            billing_mode="PAY_PER_REQUEST",
            hash_key="serial",
            attributes=[dynamodb.TableAttributeArgs(name="serial", type="S")],
            point_in_time_recovery=dynamodb.TablePointInTimeRecoveryArgs(enabled=True),
            tags=args["tags"],
            opts=self._opts,
        )

    def _function(
        self, name: str, args: JustInTimeRegistrationArgs, table: dynamodb.Table, dead: sqs.Queue
    ) -> lambda_.Function:
        place, registered = args["place"], args["registered"]
        settings = {
            "allow": args["allow"],
            "thing_type": registered["thing_type"],
            "thing_group": registered["thing_group"],
            "policies": list(registered["policies"]),
            "attributes": dict(registered["attributes"]),
            "billing_group": registered["billing_group"],
            "desired": dict(args["desired"]),
        }
        return enrolment_function.enrolment_function(
            name,
            {
                "place": place,
                "function_name": place.name(args["key"], "jitr"),
                "code": "registration",
                "settings": settings,
                "variables": {
                    "AUTHORITIES": pulumi.Output.all(*args["authorities"].values()).apply(",".join),
                    "DATA_ENDPOINT": args["data_endpoint"],
                    "REVOKED_TABLE": table.name,
                },
                "statements": _rights(place, registered, table),
                "seconds": _SECONDS,
                "description": "Lets devices of a CA in, or leaves them outside.",
                "dead_letters": dead,
                "tags": args["tags"],
            },
            self._opts,
        )

    def _rules(
        self,
        name: str,
        args: JustInTimeRegistrationArgs,
        function: lambda_.Function,
        dead: sqs.Queue,
        opts: pulumi.ResourceOptions | None,
    ) -> None:
        place = args["place"]
        rules = {issuer: place.rule([args["key"], "registered"], issuer) for issuer in args["authorities"]}
        sources = {issuer: place.arn("iot", f"rule/{rule}") for issuer, rule in rules.items()}
        failed = self._failing_role(name, args, list(sources.values()), dead)
        undelivered = iot.TopicRuleErrorActionSqsArgs(
            queue_url=dead.url, role_arn=failed.arn, use_base64=False
        )
        for issuer, authority_id in args["authorities"].items():
            caller = enrolment_function.called_by_iot(
                f"{name}-{issuer}",
                place,
                function.name,
                sources[issuer],
                self._opts,
                statement=f"iot-{issuer}",
            )
            topic = pulumi.Output.concat("$aws/events/certificates/registered/", authority_id)
            iot.TopicRule(
                f"{name}-{issuer}-rule",
                name=rules[issuer],
                description="New certificates of a CA.",
                enabled=args["enabled"],
                sql=pulumi.Output.concat("SELECT * FROM '", topic, "'"),
                sql_version=_SQL_VERSION,
                lambdas=[iot.TopicRuleLambdaArgs(function_arn=function.arn)],
                error_action=iot.TopicRuleErrorActionArgs(sqs=undelivered),
                tags=args["tags"],
                opts=pulumi.ResourceOptions(
                    parent=self, depends_on=roles.awaited(opts, caller, failed.rights)
                ),
            )

    def _failing_role(
        self,
        name: str,
        args: JustInTimeRegistrationArgs,
        source: Sequence[pulumi.Input[str]],
        dead: sqs.Queue,
    ) -> roles.ReadyRole:
        return roles.ready_role(
            f"{name}-failing",
            {
                "place": args["place"],
                "role_name": args["place"].name(args["key"], "jitr-dead"),
                "service": IOT,
                "source": source,
                "description": "AWS IoT puts what it cannot deliver to the dead letters.",
                "tags": args["tags"],
            },
            [allow(["sqs:SendMessage"], dead.arn)],
            self._opts,
        )


def _rights(place: Place, registered: Registered, table: dynamodb.Table) -> list[Statement]:
    things = place.arn("iot", "thing/*")  # which things, nobody knows beforehand
    return [
        *roles.registering(place, registered),
        allow(["iot:ListThingPrincipals", "iot:GetThingShadow", "iot:UpdateThingShadow"], things),
        allow(["dynamodb:GetItem"], table.arn),
    ]
