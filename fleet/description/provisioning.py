"""Who may be provisioned, and as what: enrollment groups, individual enrollments, manifests of many."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from fleet.constraints import Count, Derived, Doc, Elsewhere, NotOn, OnlyOn, Text
from fleet.description.attestation import EnrollmentAttestation, GroupAttestation
from fleet.description.aws import GroupOnAws, OnAws
from fleet.description.names import (
    Clouds,
    ConfigName,
    DeviceId,
    HubKey,
    PolicyName,
    ProjectPath,
    TwinObject,
    there,
)

FunctionName = Annotated[
    str,
    Text(
        "[A-Za-z](?:[A-Za-z0-9_-]{0,126}[A-Za-z0-9])?",
        "function name",
        "1 to 128 letters, digits and _ -, a letter first, a letter or digit last",
    ),
]
WebhookUrl = Annotated[
    str,
    Text(
        r"https://[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~!$&'()*+,;=:%/-]{0,1024})?",
        "webhook address",
        "an https address without a query: a key in it would be a secret, give keyFrom instead",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function of azure.functionApp, which Muster deploys."""

    name: Annotated[FunctionName, Doc("The function's route: its address ends in /api/{name}.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """A webhook that somebody else runs."""

    url: Annotated[WebhookUrl, Doc("Its https address, without a key.")]
    key_from: Annotated[
        ConfigName | None,
        Doc(
            "Name of the secret in Pulumi's config that is sent as its key (pulumi config set --secret NAME)."
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """Which hub a device is registered in."""

    hubs: Annotated[
        tuple[HubKey, ...], Count("hub", 1), Doc("The hubs to choose from: keys of azure.hubs, none twice.")
    ]
    policy: Annotated[
        Literal["hashed", "geoLatency", "static", "custom"],
        Doc(
            "How one is chosen. hashed: evenly, by a hash of the registration id; geoLatency: the nearest to "
            "the device; static: the one that is named; custom: by a webhook."
        ),
    ] = "hashed"
    webhook: Annotated[
        Function | External | None,
        Doc("Who is asked; only with the policy custom."),
        NotOn(
            "aws",
            "AWS IoT asks no webhook whether a device may come, and where to",
            "make two groups, one of each cloud: on AWS `aws.enrolment` says who is let in",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """What a twin holds when its device is provisioned for the first time."""

    tags: Annotated[TwinObject, Doc("Tags: for the service side, unseen by devices; at most 8 KB.")] = field(
        default_factory=dict
    )
    desired: Annotated[TwinObject, Doc("Desired properties: what devices are told; at most 32 KB.")] = field(
        default_factory=dict
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """Certificates for operation, issued by the registry to devices that send a CSR."""

    policy: Annotated[PolicyName, Doc("The certificate policy: a key of azure.registry.policies.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioning:
    """What groups, individual enrollments and manifests have in common."""

    attestation: GroupAttestation | EnrollmentAttestation | str
    clouds: Annotated[Clouds, Doc("The clouds that it is on, of the fleet's."), Derived("the fleet's clouds")]
    allocation: Annotated[
        Allocation | None, Doc("Which hub a device comes to."), OnlyOn("azure", needed=True)
    ] = None
    reprovision: Annotated[
        Literal["keep", "migrate", "reset"],
        Doc(
            "When a device is provisioned again. keep: it stays in its hub; migrate: it moves to the hub "
            "that allocation now picks, its twin moves along; reset: it moves and its twin starts anew."
        ),
        OnlyOn("azure"),
    ] = "migrate"
    twin: Annotated[Twin, Doc("The first state of each device's twin.")] = field(default_factory=Twin)
    enabled: Annotated[bool, Doc("Whether devices may be provisioned.")] = True
    edge: Annotated[
        bool,
        Doc("Whether the devices are IoT Edge devices: gateways that can have children."),
        OnlyOn("azure"),
    ] = False
    certificates: Annotated[
        Certificates | None,
        Doc("Certificates for operation, issued to devices that send a CSR; needs azure.registry."),
        OnlyOn("azure"),
    ] = None
    aws: Annotated[
        OnAws | None, Doc("What is said for AWS alone."), OnlyOn("aws"), Derived("{} where it is on AWS")
    ] = None

    @property
    def on_hubs(self) -> Allocation:
        """Which hub a device comes to. Raises LookupError when it is not on Azure: ask `clouds` first."""
        return there(self.allocation, "azure")

    @property
    def on_aws(self) -> OnAws:
        """What is said for AWS. Raises LookupError when it is not there: ask `clouds` first."""
        return there(self.aws, "aws")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group(Provisioning):
    """An enrollment group: devices of one issuer or one key that are provisioned alike."""

    attestation: Annotated[
        GroupAttestation,
        Doc("How the group's devices prove who they are."),
        Elsewhere("tpm", "a TPM proves one device: give it an individual enrollment (enrollments)"),
    ]
    aws: Annotated[
        GroupOnAws | None, Doc("What is said for AWS alone."), OnlyOn("aws"), Derived("{} where it is on AWS")
    ] = None

    @property
    def on_aws(self) -> GroupOnAws:
        """What is said for AWS. Raises LookupError when it is not there: ask `clouds` first."""
        return there(self.aws, "aws")


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrollment(Provisioning):
    """An individual enrollment: one device."""

    attestation: Annotated[EnrollmentAttestation, Doc("How the device proves who it is.")]
    device_id: Annotated[
        DeviceId | None, Doc("Its id in the hub; without it the registration id."), OnlyOn("azure")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest(Provisioning):
    """Many individual enrollments in one file. A row may say otherwise than what stands here."""

    file: Annotated[ProjectPath, Doc("The file, .csv or .parquet, relative to the project's root.")]
    attestation: Annotated[
        Literal["x509", "symmetricKey", "tpm"],
        Doc("How the devices prove who they are; the file has the proof."),
    ]
    allow_removals: Annotated[
        bool, Doc("Whether more than 10 rows, and more than a tenth, may be gone from the file at once.")
    ] = False
    adopt: Annotated[
        bool, Doc("Whether the first `up` may change and remove devices that carry this manifest's mark.")
    ] = False
