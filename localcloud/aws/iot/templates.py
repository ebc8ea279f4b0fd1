"""Provisioning templates and their versions, for fleet provisioning and for just-in-time provisioning.

Operations of botocore's iot 2015-05-28. Five versions a template at most (AWS IoT Core quotas, "fleet
provisioning"); a hook is a Lambda function's, of payload version 2020-04-01, and for fleet provisioning only
(docs.aws.amazon.com/iot/latest/developerguide/pre-provisioning-hook.html; AWS::IoT::ProvisioningTemplate).
"""

from collections.abc import Callable
from typing import Any

from localcloud.aws.api import ApiError, Operation, Params, for_anyone
from localcloud.aws.iot import template_body
from localcloud.aws.iot.named import Named, Noun, subset
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.refusals import invalid, not_found
from localcloud.aws.iot.role_aliases import checked_role
from localcloud.aws.iot.tags import Tags
from localcloud.aws.iot.template_functions import TemplateError
from localcloud.aws.place import Place
from localcloud.store import Document

FLEET, JITP = "FLEET_PROVISIONING", "JITP"
MOST_VERSIONS = 5
PAYLOAD_VERSION = "2020-04-01"
_NOUN = Noun("aws-provisioning-template", "Provisioning template", "provisioningtemplate")
_LISTED = (
    "templateArn",
    "templateName",
    "description",
    "creationDate",
    "lastModifiedDate",
    "enabled",
    "type",
)
_DESCRIBED = (*_LISTED, "defaultVersionId", "provisioningRoleArn", "preProvisioningHook")


class ProvisioningTemplates:
    """Templates by name. `is_used` tells whether something hangs on one, such as an authority."""

    def __init__(self, place: Place, tags: Tags) -> None:
        self._place = place
        self._kept = Named(place, tags, _NOUN)
        self.is_used: Callable[[str], bool] = lambda _name: False

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return for_anyone(
            {
                "CreateProvisioningTemplate": self._create,
                "DescribeProvisioningTemplate": self._describe,
                "UpdateProvisioningTemplate": self._update,
                "DeleteProvisioningTemplate": self._delete,
                "ListProvisioningTemplates": self._list,
                "CreateProvisioningTemplateVersion": self._create_version,
                "DescribeProvisioningTemplateVersion": self._describe_version,
                "DeleteProvisioningTemplateVersion": self._delete_version,
                "ListProvisioningTemplateVersions": self._list_versions,
            }
        )

    def get(self, name: str) -> Document | None:
        """As DescribeProvisioningTemplate shows it, with the default version's body; None for none."""
        known = self._kept.find(name)
        return None if known is None else _described(known)

    def require(self, name: str) -> Document:
        """The same. Raises ApiError for none."""
        return _described(self._kept.get(name))

    def check_for_authority(self, name: str) -> None:
        """A CA certificate can name this template. Raises ApiError."""
        if self.require(name)["type"] != JITP:
            raise invalid(f"The template {name} is not of type {JITP}, which a CA certificate needs.")

    def _create(self, params: Params) -> Params:
        kind = params.get("type", FLEET)
        _check_body(params["templateBody"], kind)
        _check_hook(params.get("preProvisioningHook"), kind)
        name, now = params["templateName"], self._place.now()
        document = {
            "templateArn": self._kept.arn(name),
            "type": kind,
            "enabled": params.get("enabled", False),
            "provisioningRoleArn": checked_role(params["provisioningRoleArn"]),
            "defaultVersionId": 1,
            "lastVersionId": 1,
            "versions": {"1": {"body": params["templateBody"], "creationDate": now}},
            **subset(params, ("templateName", "description", "preProvisioningHook")),
        }
        made = self._kept.create(name, document, params.get("tags", []))
        return subset(made, ("templateArn", "templateName", "defaultVersionId"))

    def _describe(self, params: Params) -> Params:
        return self.require(params["templateName"])

    def _update(self, params: Params) -> Params:
        known = self._kept.get(params["templateName"])
        hook, is_removed = params.get("preProvisioningHook"), params.get("removePreProvisioningHook", False)
        if hook and is_removed:
            raise invalid("preProvisioningHook and removePreProvisioningHook exclude each other.")
        _check_hook(hook, known["type"])
        if "provisioningRoleArn" in params:
            checked_role(params["provisioningRoleArn"])
        if "defaultVersionId" in params:
            _version(known, params["defaultVersionId"])
        names = ("description", "enabled", "defaultVersionId", "provisioningRoleArn", "preProvisioningHook")
        changes: dict[str, Any] = subset(params, names)
        if is_removed:
            changes["preProvisioningHook"] = None
        self._kept.update(params["templateName"], changes)
        return {}

    def _delete(self, params: Params) -> Params:
        name = params["templateName"]
        self._kept.get(name)
        if self.is_used(name):
            raise ApiError("DeleteConflictException", f"The template {name} is attached to a CA certificate.")
        self._kept.remove(name)
        return {}

    def _list(self, params: Params) -> Params:
        found = [subset(it, _LISTED) for it in self._kept.all()]
        return page("templates", found, lambda it: str(it["templateName"]), params)

    def _create_version(self, params: Params) -> Params:
        known = self._kept.get(params["templateName"])
        _check_body(params["templateBody"], known["type"])
        if len(known["versions"]) >= MOST_VERSIONS:
            words = f"The template has {MOST_VERSIONS} versions already: delete one first."
            raise ApiError("VersionsLimitExceededException", words)
        version, is_default = known["lastVersionId"] + 1, params.get("setAsDefault", False)
        made = {"body": params["templateBody"], "creationDate": self._place.now()}
        changes = {"lastVersionId": version, "versions": {**known["versions"], str(version): made}}
        if is_default:
            changes["defaultVersionId"] = version
        self._kept.update(params["templateName"], changes)
        answer = subset(known, ("templateArn", "templateName"))
        return {**answer, "versionId": version, "isDefaultVersion": is_default}

    def _describe_version(self, params: Params) -> Params:
        known = self._kept.get(params["templateName"])
        found = _version(known, params["versionId"])
        shown = _shown_version(known, params["versionId"])
        return {**shown, "templateBody": found["body"]}

    def _delete_version(self, params: Params) -> Params:
        known = self._kept.get(params["templateName"])
        version = params["versionId"]
        _version(known, version)
        if version == known["defaultVersionId"]:
            raise ApiError("DeleteConflictException", "The default version of a template cannot be deleted.")
        left = {key: it for key, it in known["versions"].items() if key != str(version)}
        self._kept.update(params["templateName"], {"versions": left})
        return {}

    def _list_versions(self, params: Params) -> Params:
        known = self._kept.get(params["templateName"])
        found = [_shown_version(known, int(it)) for it in known["versions"]]
        ordered = sorted(found, key=lambda it: int(it["versionId"]))
        return page("versions", ordered, lambda it: f"{it['versionId']:09d}", params)


def _described(known: Document) -> Document:
    body = known["versions"][str(known["defaultVersionId"])]["body"]
    return {**subset(known, _DESCRIBED), "templateBody": body}


def _version(known: Document, version: int) -> Document:
    found = known["versions"].get(str(version))
    if found is None:
        raise not_found(f"Version {version} of provisioning template", known["templateName"])
    return dict(found)


def _shown_version(known: Document, version: int) -> Params:
    return {
        "versionId": version,
        "creationDate": known["versions"][str(version)]["creationDate"],
        "isDefaultVersion": version == known["defaultVersionId"],
    }


def _check_body(text: str, kind: str) -> None:
    try:
        template_body.read(text, is_fleet=kind == FLEET)
    except TemplateError as fault:
        raise invalid(f"Invalid template body: {fault}.") from fault


def _check_hook(hook: Params | None, kind: str) -> None:
    if hook is None:
        return
    if kind != FLEET:
        raise invalid(f"A pre-provisioning hook is for templates of type {FLEET} only.")
    if hook.get("payloadVersion", PAYLOAD_VERSION) != PAYLOAD_VERSION:
        raise invalid(f"payloadVersion must be {PAYLOAD_VERSION}, not {hook['payloadVersion']}.")
    parts = str(hook["targetArn"]).split(":")
    if len(parts) < 7 or parts[2] != "lambda" or parts[5] != "function":
        raise invalid(f"targetArn must be a Lambda function's, not {hook['targetArn']}.")
