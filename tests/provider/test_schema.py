"""The schema is what Pulumi's package schema format asks for, and complete."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provider.clients import Azure
from provider.handlers import handlers
from provider.schema import package_schema


@pytest.fixture
def schema(azure: Azure) -> dict[str, Any]:
    made: dict[str, Any] = package_schema(handlers(azure).values(), "0.1.0")
    return made


def test_it_has_every_resource(schema: dict[str, Any]) -> None:
    assert set(schema["resources"]) == {
        "muster:aws:DeviceManifest",
        "muster:aws:VerificationCertificate",
        "muster:dps:EnrollmentGroup",
        "muster:dps:IndividualEnrollment",
        "muster:dps:VerifiedCertificate",
        "muster:dps:DeviceManifest",
        "muster:dps:HubLink",
        "muster:dps:RegistryLink",
        "muster:hub:Configuration",
        "muster:hub:Device",
        "muster:hub:Module",
        "muster:hub:RegistryLink",
        "muster:hub:VerifiedCertificate",
    }
    assert schema["name"] == "muster"


def test_references_resolve_and_required_properties_exist(schema: dict[str, Any]) -> None:
    objects = [*schema["resources"].values(), *schema["types"].values()]
    for each in objects:
        assert set(each["required"]) <= set(each["properties"])
        assert set(each.get("requiredInputs", [])) <= set(each.get("inputProperties", {}))
    references = {
        line.split('"')[3] for line in json.dumps(schema, indent=1).splitlines() if '"$ref"' in line
    }
    own = {each.removeprefix("#/types/") for each in references if each.startswith("#/types/")}
    assert own == set(schema["types"])
    assert references - {f"#/types/{each}" for each in own} == {"pulumi.json#/Any"}


def test_every_property_is_typed_and_documented(schema: dict[str, Any]) -> None:
    for each in [*schema["resources"].values(), *schema["types"].values()]:
        for body in each["properties"].values():
            assert body["description"].endswith(".")
            assert "type" in body or "$ref" in body


def test_what_replaces_is_marked(schema: dict[str, Any]) -> None:
    inputs = schema["resources"]["muster:dps:EnrollmentGroup"]["inputProperties"]
    marked = {name for name, body in inputs.items() if body.get("willReplaceOnChanges")}
    assert marked == {"serviceHost", "enrollmentGroupId"}
    assert inputs["enabled"]["default"] is True
    assert inputs["iotHubs"] == {
        "description": inputs["iotHubs"]["description"],
        "type": "array",
        "items": {"type": "string"},
    }
