"""What a description permits devices on AWS, as the compiler of policies takes it. No pulumi."""

from collections.abc import Iterator

from components.aws import names, policy
from fleet import Fleet
from fleet.description import Claim, Enrollment, Group, Manifest
from fleet.errors import Path


def compiled(
    fleet: Fleet, account: str, key: str, part: Group | Enrollment | Manifest
) -> dict[str, policy.Document]:
    """The policies of a group, or of what is enrolled by itself, by their part. Raises PolicyError."""
    return policy.compiled(scope(fleet, account, key), permissions(fleet, key, part))


def scope(fleet: Fleet, account: str, key: str) -> policy.Scope:
    """Where the policies of a part of the description hold."""
    region = fleet.on_aws.region
    return policy.Scope(names.partition(region), region, account, fleet.name, key)


def permissions(fleet: Fleet, key: str, part: Group | Enrollment | Manifest) -> policy.Permissions:
    """What devices may do."""
    described, credentials = part.on_aws.permissions, fleet.on_aws.credentials
    enrolment = part.on_aws.enrolment if isinstance(part, Group) else None
    renews = isinstance(enrolment, Claim) and enrolment.renews
    return policy.Permissions(
        publish=tuple(described.publish),
        subscribe=tuple(described.subscribe),
        jobs=described.jobs,
        role_alias=None if credentials is None else credentials.role_alias,
        template=names.group(fleet.name, key) if renews else None,
    )


def parts(fleet: Fleet) -> Iterator[tuple[Path, str, Group | Enrollment | Manifest]]:
    """Every part of the description that is on AWS: where it stands, its key, itself."""
    for key, group in fleet.groups.items():
        if "aws" in group.clouds:
            yield ("groups", key), key, group
    for key, enrollment in fleet.enrollments.items():
        if "aws" in enrollment.clouds:
            yield ("enrollments", key), key, enrollment
    for key, manifest in fleet.manifests.items():
        if "aws" in manifest.clouds:
            yield ("manifests", key), key, manifest
