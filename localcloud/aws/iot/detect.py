"""Detect: security profiles, what they are attached to, and their violations.

Operations of botocore's iot 2015-05-28. Profiles are checked and kept. No metric is measured here, so there
are no violations: the lists are empty, not made up. Targets as API_AttachSecurityProfile has them: a thing
group, or all, all registered, or all unregistered things; five profiles a target (Device Defender quotas).
"""

from localcloud.aws.api import Operation, Params, for_anyone
from localcloud.aws.iot import behaviors
from localcloud.aws.iot.groups import ThingGroups
from localcloud.aws.iot.metrics import Metrics
from localcloud.aws.iot.named import Named, Noun, subset
from localcloud.aws.iot.paging import page
from localcloud.aws.iot.refusals import check_version, invalid, limited
from localcloud.aws.iot.role_aliases import checked_role
from localcloud.aws.iot.tags import Tags
from localcloud.aws.place import Place
from localcloud.store import Document

MOST_ON_TARGET = 5
_NOUN = Noun("aws-security-profile", "Security profile", "securityprofile")
_TARGETS = "aws-security-profile-target"
_EVERYTHING = ("all/things", "all/registered-things", "all/unregistered-things")
_CHANGED = (
    "securityProfileDescription",
    "behaviors",
    "alertTargets",
    "additionalMetricsToRetain",
    "additionalMetricsToRetainV2",
    "metricsExportConfig",
)
_DROPPED = {
    "deleteBehaviors": ("behaviors",),
    "deleteAlertTargets": ("alertTargets",),
    "deleteAdditionalMetricsToRetain": ("additionalMetricsToRetain", "additionalMetricsToRetainV2"),
    "deleteMetricsExportConfig": ("metricsExportConfig",),
}


class Detect:
    """Security profiles by name."""

    def __init__(self, place: Place, tags: Tags, groups: ThingGroups, metrics: Metrics) -> None:
        self._place = place
        self._groups = groups
        self._metrics = metrics
        self._kept = Named(place, tags, _NOUN)
        metrics.users_of = self._users_of

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return for_anyone(
            {
                "CreateSecurityProfile": self._create,
                "UpdateSecurityProfile": self._update,
                "DescribeSecurityProfile": lambda it: self._kept.get(it["securityProfileName"]),
                "ListSecurityProfiles": self._list,
                "DeleteSecurityProfile": self._delete,
                "AttachSecurityProfile": self._attach,
                "DetachSecurityProfile": self._detach,
                "ListSecurityProfilesForTarget": self._list_for_target,
                "ListTargetsForSecurityProfile": self._list_targets,
                "ValidateSecurityProfileBehaviors": self._validate,
                "ListActiveViolations": self._list_active,
                "ListViolationEvents": self._list_events,
            }
        )

    def _create(self, params: Params) -> Params:
        name = params["securityProfileName"]
        self._check(params)
        document = {
            "securityProfileName": name,
            "securityProfileArn": self._kept.arn(name),
            "version": 1,
            **subset(params, _CHANGED),
        }
        made = self._kept.create(name, document, params.get("tags", []))
        return subset(made, ("securityProfileName", "securityProfileArn"))

    def _update(self, params: Params) -> Params:
        name = params["securityProfileName"]
        known = self._kept.get(name)
        check_version("security profile", name, params.get("expectedVersion"), known["version"])
        changes: Params = subset(params, _CHANGED)
        for flag, members in _DROPPED.items():
            if params.get(flag):
                if any(it in changes for it in members):
                    raise invalid(f"{flag} and {members[0]} exclude each other.")
                changes |= dict.fromkeys(members)
        self._check({key: it for key, it in changes.items() if it is not None})
        return self._kept.update(name, {**changes, "version": known["version"] + 1})

    def _delete(self, params: Params) -> Params:
        name = params["securityProfileName"]
        known = self._kept.find(name)
        if known is not None:
            check_version("security profile", name, params.get("expectedVersion"), known["version"])
            if self._targets(name):
                raise invalid(f"Security profile {name} is attached: detach it first.")
            self._kept.delete(name)
        return {}

    def _list(self, params: Params) -> Params:
        if "dimensionName" in params and "metricName" in params:
            raise invalid("dimensionName and metricName exclude each other.")
        wanted = params.get("dimensionName", params.get("metricName"))
        names = (
            [it["securityProfileName"] for it in self._kept.all()]
            if wanted is None
            else self._users_of(wanted)
        )
        found = [{"name": it, "arn": self._kept.arn(it)} for it in names]
        return page("securityProfileIdentifiers", found, lambda it: str(it["name"]), params)

    def _attach(self, params: Params) -> Params:
        name, target = params["securityProfileName"], params["securityProfileTargetArn"]
        self._kept.get(name)
        self._check_target(target)
        held = self._of_target(target)
        if name not in held and len(held) >= MOST_ON_TARGET:
            raise limited(f"{target} has {MOST_ON_TARGET} security profiles, which is the maximum.")
        self._place.store.put(_TARGETS, f"{name}|{target}", {})
        return {}

    def _detach(self, params: Params) -> Params:
        self._kept.get(params["securityProfileName"])
        key = f"{params['securityProfileName']}|{params['securityProfileTargetArn']}"
        self._place.store.delete(_TARGETS, key)
        return {}

    def _list_for_target(self, params: Params) -> Params:
        target = params["securityProfileTargetArn"]
        self._check_target(target)
        targets = [target]
        if params.get("recursive") and self._group(target):
            targets += [self._place.arn(f"thinggroup/{it}") for it in self._below(self._group(target))]
        found = [
            {
                "securityProfileIdentifier": {"name": name, "arn": self._kept.arn(name)},
                "target": {"arn": it},
            }
            for it in targets
            for name in self._of_target(it)
        ]
        found.sort(key=_mapping_key)
        return page("securityProfileTargetMappings", found, _mapping_key, params)

    def _list_targets(self, params: Params) -> Params:
        name = params["securityProfileName"]
        self._kept.get(name)
        found = [{"arn": it} for it in self._targets(name)]
        return page("securityProfileTargets", found, lambda it: str(it["arn"]), params)

    def _validate(self, params: Params) -> Params:
        faults = self._faults(params["behaviors"])
        return {"valid": not faults, "validationErrors": [{"errorMessage": it} for it in faults]}

    def _list_active(self, params: Params) -> Params:
        if "securityProfileName" in params:
            self._kept.get(params["securityProfileName"])
        return {"activeViolations": []}

    def _list_events(self, params: Params) -> Params:
        if params["startTime"] > params["endTime"]:
            raise invalid("startTime comes before endTime.")
        return {"violationEvents": []}

    def _check(self, params: Params) -> None:
        faults = self._faults(params.get("behaviors", []))
        for retained in params.get("additionalMetricsToRetainV2", []):
            if behaviors.metric_of(retained["metric"], self._metrics.type_of) is None:
                faults.append(f"additionalMetricsToRetainV2: there is no metric {retained['metric']}")
        if faults:
            raise invalid("; ".join(faults) + ".")
        for target in params.get("alertTargets", {}).values():
            if not target["alertTargetArn"].startswith("arn:aws:sns:"):
                raise invalid("alertTargetArn must be an SNS topic's.")
            checked_role(target["roleArn"])
        if "metricsExportConfig" in params:
            checked_role(params["metricsExportConfig"]["roleArn"])

    def _faults(self, given: list[Params]) -> list[str]:
        found = behaviors.faults(list(given), self._metrics.type_of)
        for behavior in given:
            name = behavior.get("metricDimension", {}).get("dimensionName")
            if name is not None and not self._metrics.has_dimension(name):
                found.append(f"{behavior['name']}: there is no dimension {name}")
        return found

    def _check_target(self, target: str) -> None:
        group = self._group(target)
        if group:
            self._groups.require(group)
        elif self._place.resource(target) not in _EVERYTHING:
            raise invalid(f"{target} is no thing group's ARN, nor one of {', '.join(_EVERYTHING)}.")

    def _group(self, target: str) -> str:
        kind, _, name = (self._place.resource(target) or "").partition("/")
        return name if kind == "thinggroup" else ""

    def _below(self, group: str) -> list[str]:
        found = self._groups.children(group)
        return [*found, *(name for it in found for name in self._below(it))]

    def _targets(self, name: str) -> list[str]:
        return [key.partition("|")[2] for key, _ in self._place.store.list(_TARGETS, f"{name}|")]

    def _of_target(self, target: str) -> list[str]:
        keys = [key.partition("|") for key, _ in self._place.store.list(_TARGETS)]
        return [name for name, _, arn in keys if arn == target]

    def _users_of(self, name: str) -> list[str]:
        return [it["securityProfileName"] for it in self._kept.all() if _uses(it, name)]


def _uses(known: Document, name: str) -> bool:
    """Whether a profile names this custom metric or dimension."""
    named = [*known.get("behaviors", []), *known.get("additionalMetricsToRetainV2", [])]
    dimensions = [it.get("metricDimension", {}).get("dimensionName") for it in named]
    return name in [
        *(it.get("metric") for it in named),
        *dimensions,
        *known.get("additionalMetricsToRetain", []),
    ]


def _mapping_key(mapping: Params) -> str:
    return f"{mapping['target']['arn']}|{mapping['securityProfileIdentifier']['name']}"
