"""A stack's file with what is on one cloud alone: what stands there for the other is taken out."""

from typing import Any, Literal

Cloud = Literal["azure", "aws"]
_SAID_FOR: dict[Cloud, tuple[str, ...]] = {
    "azure": ("allocation", "reprovision", "edge", "certificates"),
    "aws": ("aws",),
}
"""Fields of a group that are refused where it is not on that cloud."""
_OTHER: dict[Cloud, Cloud] = {"azure": "aws", "aws": "azure"}


def alone(document: dict[str, Any], cloud: Cloud) -> dict[str, Any]:
    """The document, changed: its fleet is on this cloud, with the groups that are."""
    fleet, other = document["config"]["muster:fleet"], _OTHER[cloud]
    fleet["clouds"] = [cloud]
    fleet.pop(other, None)
    kept = {key: each for key, each in fleet["groups"].items() if cloud in each.pop("clouds", [cloud])}
    for group in kept.values():
        for field in _SAID_FOR[other]:
            group.pop(field, None)
    fleet["groups"] = kept
    return document
