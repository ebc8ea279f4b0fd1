"""The devices of one issuer, and how they are provisioned."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import pulumi

from components import muster


class EnrollmentGroupArgs(TypedDict):
    """Arguments of EnrollmentGroup."""

    service_host: pulumi.Input[str]
    group_id: str
    issuer: str
    """PEM of the intermediate that signs the group's devices; it, or its root, is verified in the service."""
    hubs: Sequence[pulumi.Input[str]]
    """Host names of the hubs that devices are spread over."""
    allocation_policy: str
    reprovision: str
    """keep, migrate or reset."""
    tags: Mapping[str, Any]
    desired: Mapping[str, Any]
    """Tags and desired properties of a device's first twin."""
    enabled: bool


class EnrollmentGroup(pulumi.ComponentResource):
    """An enrollment group by X.509 intermediate. One resource, however many devices.

    What `opts.depends_on` names (the links to the hubs, the proven certificates) is awaited by the group
    itself: the engine does not hand a component's dependencies down to its children.
    """

    etag: pulumi.Output[str]
    """Version of the group in the service."""

    def __init__(
        self, name: str, args: EnrollmentGroupArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:azure:EnrollmentGroup", name, {}, opts)
        awaited = opts.depends_on if opts else None
        self.etag = self._group(name, args, pulumi.ResourceOptions(parent=self, depends_on=awaited)).etag
        self.register_outputs({"groupId": args["group_id"], "etag": self.etag})

    @staticmethod
    def _group(name: str, args: EnrollmentGroupArgs, opts: pulumi.ResourceOptions) -> muster.EnrollmentGroup:
        return muster.EnrollmentGroup(
            f"{name}-group",
            {
                "service_host": args["service_host"],
                "enrollment_group_id": args["group_id"],
                "signing_certificate": args["issuer"],
                "allocation_policy": args["allocation_policy"],
                "iot_hubs": args["hubs"],
                "initial_twin": {"tags": args["tags"], "desired": args["desired"]},
                "reprovision": args["reprovision"],
                "enabled": args["enabled"],
            },
            opts,
        )
