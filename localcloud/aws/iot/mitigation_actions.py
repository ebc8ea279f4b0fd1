"""Mitigation actions, kept: what may be done about findings, and in which role's name.

Operations of botocore's iot 2015-05-28. docs.aws.amazon.com/iot/latest/developerguide/
device-defender-mitigation-actions.html: each has parameters of exactly one kind, and logging cannot be
"enabled" with the level DISABLED.
"""

import uuid

from localcloud.aws.api import Operation, Params, for_anyone
from localcloud.aws.iot.named import Named, Noun, subset
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.refusals import invalid
from localcloud.aws.iot.role_aliases import checked_role
from localcloud.aws.iot.tags import Tags
from localcloud.aws.place import Place
from localcloud.store import Document

TYPES = {
    "updateDeviceCertificateParams": "UPDATE_DEVICE_CERTIFICATE",
    "updateCACertificateParams": "UPDATE_CA_CERTIFICATE",
    "addThingsToThingGroupParams": "ADD_THINGS_TO_THING_GROUP",
    "replaceDefaultPolicyVersionParams": "REPLACE_DEFAULT_POLICY_VERSION",
    "enableIoTLoggingParams": "ENABLE_IOT_LOGGING",
    "publishFindingToSnsParams": "PUBLISH_FINDING_TO_SNS",
}
_DEVICE = ("UPDATE_DEVICE_CERTIFICATE", "ADD_THINGS_TO_THING_GROUP")
_CA = ("UPDATE_CA_CERTIFICATE",)
_POLICY = ("REPLACE_DEFAULT_POLICY_VERSION",)
# "Audit check to mitigation action mapping"; every check can be told to SNS.
OF_CHECK = {
    "CA_CERTIFICATE_EXPIRING_CHECK": _CA,
    "CA_CERTIFICATE_KEY_QUALITY_CHECK": _CA,
    "REVOKED_CA_CERTIFICATE_STILL_ACTIVE_CHECK": _CA,
    "DEVICE_CERTIFICATE_EXPIRING_CHECK": _DEVICE,
    "DEVICE_CERTIFICATE_KEY_QUALITY_CHECK": _DEVICE,
    "DEVICE_CERTIFICATE_SHARED_CHECK": _DEVICE,
    "INTERMEDIATE_CA_REVOKED_FOR_ACTIVE_DEVICE_CERTIFICATES_CHECK": _DEVICE,
    "REVOKED_DEVICE_CERTIFICATE_STILL_ACTIVE_CHECK": _DEVICE,
    "IOT_POLICY_OVERLY_PERMISSIVE_CHECK": _POLICY,
    "IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK": _POLICY,
    "LOGGING_DISABLED_CHECK": ("ENABLE_IOT_LOGGING",),
}
_NOUN = Noun("aws-mitigation-action", "Mitigation action", "mitigationaction")


class MitigationActions:
    """Actions by name."""

    def __init__(self, place: Place, tags: Tags) -> None:
        self._kept = Named(place, tags, _NOUN)

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return for_anyone(
            {
                "CreateMitigationAction": self._create,
                "UpdateMitigationAction": self._update,
                "DescribeMitigationAction": lambda it: self._kept.get(it["actionName"]),
                "ListMitigationActions": self._list,
                "DeleteMitigationAction": self._delete,
            }
        )

    def require(self, name: str) -> Document:
        """One that is there: actionName, actionType, actionArn, roleArn, actionParams. Raises ApiError."""
        return self._kept.get(name)

    def check_fits(self, name: str, check: str) -> None:
        """The action can be taken on findings of this check. Raises ApiError."""
        kind = self.require(name)["actionType"]
        allowed = (*OF_CHECK.get(check, ()), "PUBLISH_FINDING_TO_SNS")
        if kind not in allowed:
            raise invalid(f"{kind} is no action on findings of {check}; those are {', '.join(allowed)}.")

    def _create(self, params: Params) -> Params:
        name = params["actionName"]
        document = {
            "actionName": name,
            "actionType": _type_of(params["actionParams"]),
            "actionArn": self._kept.arn(name),
            "actionId": str(uuid.uuid4()),
            "roleArn": checked_role(params["roleArn"]),
            "actionParams": params["actionParams"],
        }
        return _identified(self._kept.create(name, document, params.get("tags", [])))

    def _update(self, params: Params) -> Params:
        known = self._kept.get(params["actionName"])
        changes = subset(params, ("roleArn", "actionParams"))
        if "roleArn" in changes:
            checked_role(changes["roleArn"])
        if "actionParams" in changes and _type_of(changes["actionParams"]) != known["actionType"]:
            raise invalid(f"The action is of type {known['actionType']}, which stays.")
        return _identified(self._kept.update(params["actionName"], changes))

    def _list(self, params: Params) -> Params:
        wanted = params.get("actionType")
        members = ("actionName", "actionArn", "creationDate")
        found = [subset(it, members) for it in self._kept.all() if wanted in (None, it["actionType"])]
        return page("actionIdentifiers", found, lambda it: str(it["actionName"]), params)

    def _delete(self, params: Params) -> Params:
        self._kept.delete(params["actionName"])
        return {}


def _type_of(given: Params) -> str:
    if len(given) != 1:
        raise invalid(f"actionParams has exactly one member, not {len(given)}.")
    ((name, params),) = given.items()
    if name == "enableIoTLoggingParams":
        checked_role(params["roleArnForLogging"])
        if params["logLevel"] == "DISABLED":
            raise invalid("logLevel cannot be DISABLED.")
    return TYPES[name]


def _identified(document: Document) -> Params:
    return subset(document, ("actionArn", "actionId"))
