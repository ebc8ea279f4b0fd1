"""A stack's file with what is on one cloud alone: what stands there for the other is taken out."""

from typing import Any, Literal

Cloud = Literal["azure", "aws"]
_SAID_FOR: dict[Cloud, tuple[str, ...]] = {
    "azure": ("allocation", "reprovision", "edge", "certificates", "deviceId"),
    "aws": ("aws",),
}
"""Fields of a group (an enrollment, a manifest) that are refused where it is not on that cloud."""
_GROUPED = ("groups", "enrollments", "manifests")
_ON_AZURE = ("devices", "configurations")
"""What a fleet has on Azure alone."""
_OTHER: dict[Cloud, Cloud] = {"azure": "aws", "aws": "azure"}


def alone(document: dict[str, Any], cloud: Cloud) -> dict[str, Any]:
    """The document, changed: its fleet is on this cloud, with the groups that are."""
    fleet, other = document["config"]["muster:fleet"], _OTHER[cloud]
    fleet["clouds"] = [cloud]
    for key in (other, *(_ON_AZURE if cloud == "aws" else ())):
        fleet.pop(key, None)
    for part in _GROUPED:
        if part in fleet:
            fleet[part] = _kept(fleet[part], cloud)
    return document


def _kept(groups: dict[str, Any], cloud: Cloud) -> dict[str, Any]:
    there = {key: each for key, each in groups.items() if cloud in each.pop("clouds", [cloud])}
    unsaid = _SAID_FOR[_OTHER[cloud]]
    return {
        key: {field: value for field, value in each.items() if field not in unsaid}
        for key, each in there.items()
    }
