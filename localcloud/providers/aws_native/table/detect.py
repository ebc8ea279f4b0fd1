"""Device Defender's Detect: security profiles, and what they measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.providers.aws_native.table.audit import TAGS
from localcloud.providers.boto.calls import Plain, Wish, pages
from localcloud.providers.boto.codecs import STRING, counted
from localcloud.providers.boto.context import Context
from localcloud.providers.boto.entries import Kind, Property, own
from localcloud.providers.boto.tagging import Tagging
from localcloud.providers.shapes import ListOf

_CLEARED = {
    "behaviors": "deleteBehaviors",
    "alertTargets": "deleteAlertTargets",
    "additionalMetricsToRetainV2": "deleteAdditionalMetricsToRetain",
    "metricsExportConfig": "deleteMetricsExportConfig",
}


@dataclass(frozen=True)
class Profiles(Plain):
    """Security profiles, with the groups that they are attached to."""

    def complete(self, to: Context, identity: str, wish: Wish) -> None:
        """Attach it."""
        self._attach(to, identity, set(wish.get("targetArns") or ()), set())

    def read(self, to: Context, identity: str, inputs: Mapping[str, Any]) -> dict[str, Any] | None:
        """With its targets."""
        found = super().read(to, identity, inputs)
        if found is None:
            return None
        asked = {"securityProfileName": identity}
        targets = pages(to, "list_targets_for_security_profile", "securityProfileTargets", asked)
        return {**found, "targetArns": sorted(it["arn"] for it in targets)}

    def update(self, to: Context, identity: str, wish: Wish, live: Mapping[str, Any]) -> None:
        """All that is declared, then its targets."""
        super().update(to, identity, wish, live)
        self._attach(to, identity, set(wish.get("targetArns") or ()), set(live["targetArns"]))

    def delete(self, to: Context, identity: str, state: Mapping[str, Any]) -> None:
        """Detach it first."""
        found = self.read(to, identity, state)
        if found is not None:
            self._attach(to, identity, set(), set(found["targetArns"]))
            super().delete(to, identity, state)

    def _attach(self, to: Context, identity: str, wanted: set[str], there: set[str]) -> None:
        for target in sorted(wanted - there):
            to.ask("attach_security_profile", securityProfileName=identity, securityProfileTargetArn=target)
        for target in sorted(there - wanted):
            to.ask("detach_security_profile", securityProfileName=identity, securityProfileTargetArn=target)


def _optional(name: str) -> Property:
    return Property(name, cleared={_CLEARED[name]: True} if name in _CLEARED else {name: ""})


KINDS = (
    Kind(
        "aws-native:iot:SecurityProfile",
        "iot",
        "create_security_profile",
        {
            "securityProfileName": own("securityProfileName"),
            "additionalMetricsToRetainV2": _optional("additionalMetricsToRetainV2"),
            "alertTargets": _optional("alertTargets"),
            "behaviors": _optional("behaviors"),
            "metricsExportConfig": _optional("metricsExportConfig"),
            "securityProfileDescription": _optional("securityProfileDescription"),
            "tags": TAGS,
            "targetArns": Property("targetArns", shape=ListOf(STRING, unordered=True)),
        },
        {"securityProfileArn": "securityProfileArn"},
        Profiles(
            "securityProfileName",
            "create_security_profile",
            "describe_security_profile",
            "update_security_profile",
            "delete_security_profile",
        ),
        name="securityProfileName",
        tagging=Tagging("securityProfileArn"),
        late=frozenset({"targetArns"}),
        usual={"behaviors[]": {"suppressAlerts": False, "metricDimension": None, "exportMetric": None}},
        forms={"behaviors[].criteria.value.count": counted},
        is_regional=False,
    ),
    Kind(
        "aws-native:iot:CustomMetric",
        "iot",
        "create_custom_metric",
        {
            "metricName": own("metricName"),
            "displayName": Property("displayName", cleared={"displayName": ""}),
            "metricType": Property("metricType", fixed=True, required=True),
            "tags": TAGS,
        },
        {"metricArn": "metricArn"},
        Plain(
            "metricName",
            "create_custom_metric",
            "describe_custom_metric",
            "update_custom_metric",
            "delete_custom_metric",
        ),
        name="metricName",
        tagging=Tagging("metricArn"),
        is_regional=False,
    ),
    Kind(
        "aws-native:iot:Dimension",
        "iot",
        "create_dimension",
        {
            "name": own("name"),
            "stringValues": Property("stringValues", required=True),
            "tags": TAGS,
            "type": Property("type", fixed=True, required=True),
        },
        {"arn": "arn"},
        Plain("name", "create_dimension", "describe_dimension", "update_dimension", "delete_dimension"),
        tagging=Tagging("arn"),
        is_regional=False,
    ),
)
