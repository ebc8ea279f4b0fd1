"""What a provisioning template makes of a device: its thing, its certificate's status, its policies. Pure.

"Provisioning templates" (AWS IoT Core developer guide). A thing that is there already, since its operator
registered it beforehand, keeps what it has: attributes and groups are merged.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict

SERIAL_NUMBER: Final = "SerialNumber"
"""The parameter by which a device with a claim says who it is: the name of its thing, as in AWS' example."""
_COMMON_NAME: Final = "AWS::IoT::Certificate::CommonName"
_CERTIFICATE_ID: Final = "AWS::IoT::Certificate::Id"


class Registered(TypedDict):
    """What a device of a group becomes."""

    thing_type: str
    thing_group: str
    policies: Sequence[str]
    """Names of policies, all of which its certificate gets."""
    attributes: Mapping[str, str]
    billing_group: str | None
    """Name of the one that its thing is put in; None: in none. AWS documents no override of it: a thing that
    is in another one already counts as a conflict, and is not registered by a template."""


def by_certificate(registered: Registered) -> str:
    """For just-in-time provisioning: the thing has the name of the certificate (its common name)."""
    return _body(registered, _COMMON_NAME, [_COMMON_NAME, _CERTIFICATE_ID])


def by_claim(registered: Registered) -> str:
    """For fleet provisioning: the thing has the name that the device gives, once the hook let it in."""
    return _body(registered, SERIAL_NUMBER, [SERIAL_NUMBER, _CERTIFICATE_ID])


def _body(registered: Registered, name: str, parameters: Sequence[str]) -> str:
    resources = {
        "thing": _thing(registered, name),
        "certificate": {
            "Type": "AWS::IoT::Certificate",
            "Properties": {"CertificateId": {"Ref": _CERTIFICATE_ID}, "Status": "ACTIVE"},
        },
        **{f"policy{number}": _policy(each) for number, each in enumerate(registered["policies"], 1)},
    }
    declared = {each: {"Type": "String"} for each in parameters}
    return json.dumps({"Parameters": declared, "Resources": resources}, separators=(",", ":"))


def _thing(registered: Registered, name: str) -> dict[str, Any]:
    properties = {
        "ThingName": {"Ref": name},
        "ThingTypeName": registered["thing_type"],
        "ThingGroups": [registered["thing_group"]],
    }
    if registered["attributes"]:
        properties["AttributePayload"] = dict(registered["attributes"])
    if registered["billing_group"] is not None:
        properties["BillingGroup"] = registered["billing_group"]
    return {
        "Type": "AWS::IoT::Thing",
        "Properties": properties,
        "OverrideSettings": {
            "AttributePayload": "MERGE",
            "ThingTypeName": "REPLACE",
            "ThingGroups": "MERGE",
        },
    }


def _policy(name: str) -> dict[str, Any]:
    return {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": name}}
