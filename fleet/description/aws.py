"""What the fleet has on AWS: one account and region, its endpoint, and what watches and serves the devices.

Forms, limits and choices are those of AWS IoT's service model (botocore, iot 2015-05-28) unless a form names
another source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from fleet.constraints import LINE_CHARACTER, Between, Count, Derived, Doc, Text
from fleet.description.defender import Audit, Detect
from fleet.description.names import ProjectPath
from fleet.description.network import Cidr

Region = Annotated[
    str,
    Text("[a-z]{2}(?:-[a-z]{2,12}){1,2}-[0-9]", "AWS region", "a region's name, such as eu-west-1"),
]
AccountId = Annotated[str, Text("[0-9]{12}", "AWS account", "the 12 digits of an account's id, in quotes")]
HostName = Annotated[
    str,
    Text(
        "(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?[.]){1,10}[a-z]{2,63}",
        "domain name",
        "a host's whole name in lower case, such as iot.example.com",
    ),
]
CertificateArn = Annotated[
    str,
    Text(
        "arn:aws(?:-cn|-us-gov|-iso-b|-iso)?:acm:[a-z]{2}-(?:gov-|iso-|isob-)?[a-z]{4,9}-[0-9]:[0-9]{12}"
        ":certificate/[a-zA-Z0-9/-]{1,1900}",
        "ARN of an ACM certificate",
        "the ARN that ACM shows: arn:aws:acm:REGION:ACCOUNT:certificate/…",
    ),
]
FunctionName = Annotated[
    str,
    Text(
        "(?:arn:aws(?:-cn|-us-gov|-iso-b|-iso)?:lambda:[a-z]{2}-(?:gov-|iso-|isob-)?[a-z]{4,9}-[0-9]:[0-9]{12}"
        ":function:)?[a-zA-Z0-9_-]{1,64}",
        "Lambda function",
        "a function's name, or its whole ARN without a version or alias",
    ),
]
"""Names and ARNs of functions: botocore's model of AWS Lambda, FunctionName."""
BucketName = Annotated[
    str,
    Text(
        "[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        "S3 bucket name",
        "3 to 63 lower-case letters, digits, full stops and hyphens, a letter or digit first and last",
    ),
]
""""General purpose bucket naming rules", docs.aws.amazon.com."""
RoleAliasName = Annotated[
    str, Text("[A-Za-z0-9_=,@-]{1,128}", "role alias", "1 to 128 letters, digits and _ = , @ -")
]
ClaimKey = Annotated[
    str,
    Text(
        "[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?",
        "claim key",
        "1 to 32 lower-case letters, digits and hyphens, no hyphen first or last",
    ),
]
TOPIC = Text(
    "[A-Za-z0-9_.-]{1,64}(?:/[A-Za-z0-9_.-]{1,64}){0,3}",
    "topic",
    "1 to 4 parts of letters, digits and _ . - with / between; no wildcard (# + * ${): name every topic by "
    "itself",
)
TopicName = Annotated[str, TOPIC]
"""Below `dt/{fleet}/{group}/{thing}/`, which takes four of the seven slashes that a topic can have ("AWS IoT
Core message broker and protocol limits and quotas", docs.aws.amazon.com)."""
DynamicGroupKey = Annotated[
    str, Text("[a-zA-Z0-9_-]{1,80}", "dynamic group key", "1 to 80 letters, digits and _ -")
]
IndexQuery = Annotated[
    str,
    Text(
        LINE_CHARACTER + "{1,1000}",
        "query of the index",
        "1 to 1000 characters on one line, such as attributes.line:reefer AND connectivity.connected:false",
    ),
]
""""Query syntax", fleet indexing, AWS IoT Core developer guide; an account has at most 100 dynamic groups
("AWS IoT Core endpoints and quotas")."""
DeviceCount = Annotated[int, Between(1, 10_000_000)]
EventKind = Literal[
    "thing",
    "thingGroup",
    "thingType",
    "thingGroupMembership",
    "thingGroupHierarchy",
    "thingTypeAssociation",
    "job",
    "jobExecution",
    "policy",
    "certificate",
    "caCertificate",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A domain of your own for the devices' endpoint."""

    name: Annotated[HostName, Doc("The host that devices connect to. Its DNS record is your business.")]
    certificate_arn: Annotated[
        CertificateArn, Doc("The server certificate in ACM, of the same account and region.")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateProvider:
    """Who signs the certificate requests of every device in the account that sends one."""

    function: Annotated[
        FunctionName,
        Doc("A Lambda function that signs them, there already, of the same account and region."),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountWide:
    """What an account has once a region. It belongs to the first fleet that has it; others leave it alone."""

    indexing: Annotated[
        bool, Doc("Whether things, their shadows and whether they are connected can be searched.")
    ] = True
    events: Annotated[
        tuple[EventKind, ...],
        Count("kind of event"),
        Doc("Of what AWS publishes events, below $aws/events."),
    ] = ()
    logging: Annotated[
        Literal["error", "warn", "info", "debug"] | None,
        Doc("What AWS IoT writes to CloudWatch Logs. Without it the account's logging is left alone."),
    ] = None
    audit: Annotated[
        Audit | None, Doc("AWS IoT Device Defender Audit. Without it the account's audit is left alone.")
    ] = None
    certificate_provider: Annotated[
        CertificateProvider | None,
        Doc(
            "A function that signs certificate requests. Without it that is left as it is: AWS IoT's own CA."
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Messages go to an SQS queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Messages go to a Kinesis data stream."""

    shards: Annotated[int, Between(1, 200), Doc("How many shards it has: each takes 1 MB a second.")] = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """Where messages of devices go, by a topic rule; what cannot be delivered, to a queue of dead letters."""

    topics: Annotated[
        tuple[TopicName, ...],
        Count("topic", 1),
        Doc("The topics that are taken, as `permissions.publish` names them, of every group."),
    ] = ("telemetry",)
    target: Annotated[Queue | Stream, Doc("Where they go.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """AWS credentials for devices, by their certificate: a role alias, and the role behind it."""

    role_alias: Annotated[
        RoleAliasName, Doc("The role alias that devices ask for."), Derived("{fleet}-{stack}-devices")
    ]
    seconds: Annotated[int, Between(900, 43200), Doc("How long credentials are good, in seconds.")] = 3600
    uploads: Annotated[
        BucketName,
        Doc("An S3 bucket that exists: what a device may do is put objects there, below its own thing name."),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioner:
    """The temporary permission to provision: a role that `muster aws grant` hands out for some minutes."""

    max_minutes: Annotated[
        int,
        Between(60, 720),
        Doc("The longest that a grant lasts, in minutes. IAM lets no role say less than an hour."),
    ] = 60
    sources: Annotated[
        tuple[Cidr, ...], Count("source", 1), Doc("The only addresses from which a grant is good.")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aws:
    """What the fleet has on AWS: AWS IoT Core in one region of one account."""

    region: Annotated[
        Region,
        Doc("AWS region of every resource."),
        Derived(
            "aws:region of the stack",
            "no AWS region",
            "set aws:region beside muster:fleet in the stack's config",
        ),
    ]
    account: Annotated[
        AccountId | None, Doc("The account that it must be; credentials of another one are refused.")
    ] = None
    certificate_mode: Annotated[
        Literal["default", "sniOnly"],
        Doc(
            "How CAs are registered. default: in one account of a region, with proof of their key; sniOnly: "
            "in any number of accounts, for devices that send the endpoint's name (SNI)."
        ),
    ] = "default"
    minimum_tls: Annotated[Literal["1.2", "1.3"], Doc("The oldest TLS version that devices may speak.")] = (
        "1.2"
    )
    domain: Annotated[
        Domain | None, Doc("A domain of your own. Without it devices use the account's endpoint.")
    ] = None
    account_wide: Annotated[
        AccountWide | None, Doc("What the account has once. Without it the fleet touches none of that.")
    ] = None
    dynamic_groups: Annotated[
        Mapping[DynamicGroupKey, IndexQuery],
        Count("dynamic group", 0, 100),
        Doc(
            "Thing groups that the index fills, by a key that you choose: their queries. They need an index."
        ),
    ] = field(default_factory=dict)
    detect: Annotated[Detect | None, Doc("Alarms on how devices behave.")] = None
    telemetry: Annotated[
        Telemetry | None, Doc("Where messages of devices go. Without it to whoever subscribes.")
    ] = None
    credentials: Annotated[
        Credentials | None, Doc("AWS credentials for devices. Without it they get none.")
    ] = None
    provisioner: Annotated[
        Provisioner | None, Doc("Temporary permission to provision. Without it there is no such role.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What a device may do beside its own shadow. It connects as itself, and reaches its own topics only."""

    publish: Annotated[
        tuple[TopicName, ...],
        Count("topic"),
        Doc("Topics it may publish to: names below dt/{fleet}/{group}/{thing}/."),
    ] = ("telemetry",)
    subscribe: Annotated[
        tuple[TopicName, ...],
        Count("topic"),
        Doc("Topics it may subscribe to: names below cmd/{fleet}/{group}/{thing}/."),
    ] = ("commands",)
    jobs: Annotated[bool, Doc("Whether it may ask for its jobs and tell how they go.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Jitr:
    """Just-in-time registration: a function checks a device that the issuer signed, and makes it known."""

    allow: Annotated[
        Literal["registered", "any"],
        Doc(
            "Whom the function lets in. any: whom the issuer signed and nobody revoked; registered: of "
            "those, whose thing is in the account already, which is the allow list."
        ),
    ] = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Jitp:
    """Just-in-time provisioning: a template makes a device known that the issuer signed; no code runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Fleet provisioning: devices share a claim certificate, and get one for a key of their own by a CSR."""

    certificates: Annotated[
        Mapping[ClaimKey, ProjectPath],
        Count("claim certificate", 1, 10),
        Doc("The claim certificates by a key that you choose: their PEM files. Two while they are changed."),
    ]
    allow: Annotated[
        Literal["registered", "any"],
        Doc(
            "Whom the hook lets in. registered: whose thing is in the account already, which is the allow "
            "list; any: whoever has the claim."
        ),
    ] = "registered"
    limit: Annotated[
        DeviceCount | None,
        Doc("How many devices a claim certificate can provision. Without it there is no limit."),
    ] = None
    renews: Annotated[
        bool,
        Doc(
            "Whether a device may have its next certificate made, asking for it with the one that it has. "
            "For certificates that end: those of accountWide.certificateProvider."
        ),
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OnAws:
    """What is said of devices for AWS alone."""

    permissions: Annotated[Permissions, Doc("What the devices may do.")] = Permissions()


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupOnAws(OnAws):
    """What is said of a group for AWS alone."""

    enrolment: Annotated[Jitr | Jitp | Claim, Doc("How its devices are provisioned.")] = Jitr()
    billing_group: Annotated[
        bool,
        Doc("Whether its things are in a billing group, {fleet}-{group}, by which AWS tells their costs."),
    ] = False
