"""The devices of one issuer or one key, and how they are provisioned."""

import pulumi

from components import muster
from components.azure import provisioning
from components.azure.provisioning import Provisioning, ServiceAttestation


class GroupAttestation(ServiceAttestation, total=False):
    """How the group's devices prove who they are: exactly one of `issuer`, `authority`, `symmetric_key`."""

    issuer: str
    """PEM of the intermediate that signs the group's devices; it, or its root, is verified in the service."""
    secondary_issuer: str | None
    """PEM of a second one, whose devices are taken too, as while intermediates are changed."""


class EnrollmentGroupArgs(Provisioning, GroupAttestation):
    """Arguments of EnrollmentGroup."""

    group_id: str


class EnrollmentGroup(pulumi.ComponentResource):
    """An enrollment group. One resource, however many devices.

    What `opts.depends_on` names (the links to the hubs, the proven certificates) is awaited by the group
    itself: the engine does not hand a component's dependencies down to its children.
    """

    etag: pulumi.Output[str]
    """Version of the group in the service."""

    def __init__(
        self, name: str, args: EnrollmentGroupArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:azure:EnrollmentGroup", name, {}, opts)
        self.etag = self._group(name, args, provisioning.awaiting(self, opts)).etag
        self.register_outputs({"groupId": args["group_id"], "etag": self.etag})

    @staticmethod
    def _group(name: str, args: EnrollmentGroupArgs, opts: pulumi.ResourceOptions) -> muster.EnrollmentGroup:
        return muster.EnrollmentGroup(
            f"{name}-group",
            {
                **provisioning.sent(args),
                **provisioning.attested(args),
                "enrollment_group_id": args["group_id"],
                "signing_certificate": args.get("issuer"),
                "secondary_signing_certificate": args.get("secondary_issuer"),
            },
            opts,
        )
