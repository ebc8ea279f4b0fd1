"""Limits that are too high to be written out in a file under data/: at the limit, and one beyond."""

from __future__ import annotations

import base64
from typing import Any

import pytest

import fleet
from fleet import FleetError

Value = dict[str, Any]


def faults_of(value: Value) -> list[tuple[str, str, str]]:
    try:
        fleet.load(value, stack="prod", location="westeurope")
    except FleetError as error:
        return [(fault.path, fault.wrong, fault.right) for fault in error.faults]
    return []


def configurations(count: int, content: Value) -> Value:
    one = {"hubs": ["eu-1"], "target": "*", "content": content}
    return {f"number-{number}": one for number in range(count)}


DEVICE = {"device": {"twin": {"properties.desired.a": 1}}}
EDGE = {"edge": {"modules": {"$edgeAgent": {"properties.desired.modules.a": {"version": "1"}}}}}


@pytest.mark.parametrize(
    ("sku", "content", "most", "noun"),
    [
        ("S1", DEVICE, 100, "configurations"),
        ("F1", DEVICE, 20, "configurations"),
        ("S1", EDGE, 100, "IoT Edge deployments"),
        ("F1", EDGE, 10, "IoT Edge deployments"),
    ],
)
def test_configurations_of_a_hub(sound: Value, sku: str, content: Value, most: int, noun: str) -> None:
    sound["azure"]["hubs"]["eu-1"]["sku"] = sku
    sound["configurations"] = configurations(most, content)
    assert faults_of(sound) == []
    sound["configurations"] = configurations(most + 1, content)
    path = f"configurations.number-{most}"
    assert faults_of(sound) == [(path, f"{most + 1} {noun} in hub eu-1", f"{sku} has at most {most}")]


def test_configurations_and_deployments_are_counted_apart(sound: Value) -> None:
    edge = {f"edge-{key}": value for key, value in configurations(100, EDGE).items()}
    sound["configurations"] = {**configurations(100, DEVICE), **edge}
    assert faults_of(sound) == []


def test_modules_of_a_deployment(sound: Value) -> None:
    def with_modules(count: int) -> Value:
        modules = {f"m{number}": {"version": "1"} for number in range(count)}
        agent = {"$edgeAgent": {"properties.desired": {"modules": modules}}}
        return configurations(1, {"edge": {"modules": agent}})

    sound["configurations"] = with_modules(50)
    assert faults_of(sound) == []
    sound["configurations"] = with_modules(51)
    path = 'configurations.number-0.content.edge.modules["$edgeAgent"]["properties.desired"].modules'
    assert faults_of(sound) == [(path, "51 modules", "a deployment has at most 50")]


def test_contents_are_twins(sound: Value) -> None:
    content = {"device": {"twin": {"properties.desired.text": "x" * 4097}}}
    sound["configurations"] = configurations(1, content)
    [(path, wrong, _)] = faults_of(sound)
    assert path.startswith('configurations.number-0.content.device.twin["properties.desired.text"]')
    assert wrong == "a text too long for a twin"


def test_children_of_a_gateway(sound: Value) -> None:
    one = {"hub": "eu-1", "authentication": {"certificateAuthority": {}}}

    def family(count: int) -> Value:
        children = {f"child-{number}": {**one, "parent": "gateway"} for number in range(count)}
        return {"gateway": {**one, "edge": True}, **children}

    sound["devices"] = family(100)
    assert faults_of(sound) == []
    sound["devices"] = family(101)
    expected = ("devices.gateway", "101 children", "a gateway has at most 100: add another gateway")
    assert faults_of(sound) == [expected]


def test_a_child_that_is_no_gateway_is_no_layer(sound: Value) -> None:
    one: Value = {"hub": "eu-1", "authentication": {"certificateAuthority": {}}, "edge": True}
    sound["devices"] = {"layer-0": one}
    for number in range(1, 6):
        sound["devices"][f"layer-{number}"] = {**one, "parent": f"layer-{number - 1}"}
    sound["devices"]["leaf"] = {**one, "edge": False, "parent": "layer-5"}
    assert faults_of(sound) == []


def test_groups_by_symmetric_key(sound: Value) -> None:
    sound["azure"]["hubs"]["eu-1"]["localAuth"] = {"devices": True}
    group = {"attestation": {"symmetricKey": {}}, "allocation": {"hubs": ["eu-1"]}}
    sound["groups"] = {f"group-{number}": group for number in range(100)}
    assert faults_of(sound) == []
    sound["groups"]["group-100"] = group
    [(path, wrong, _)] = faults_of(sound)
    assert (path, wrong) == (
        "groups.group-100.attestation",
        "more than 100 groups attested by symmetric key",
    )


@pytest.mark.parametrize("where", ["enrollments", "manifests", "devices", "modules"])
def test_every_twin_is_measured(sound: Value, where: str) -> None:
    twin = {"desired": {"text": "x" * 4097}}
    allocation = {"allocation": {"hubs": ["eu-1"]}}
    device = {"hub": "eu-1", "authentication": {"certificateAuthority": {}}}
    sound["azure"]["hubs"]["eu-1"]["localAuth"] = {"modules": True}
    parts: Value = {
        "enrollments": {
            "enrollments": {
                "one": {"attestation": {"caReference": {"issuer": "root"}}, **allocation, "twin": twin}
            }
        },
        "manifests": {
            "manifests": {"one": {"file": "a.csv", "attestation": "x509", **allocation, "twin": twin}}
        },
        "devices": {"devices": {"one": {**device, "twin": twin}}},
        "modules": {"devices": {"one": {**device, "modules": {"two": {"twin": twin}}}}},
    }
    assert [wrong for _, wrong, _ in faults_of({**sound, **parts[where]})] == ["a text too long for a twin"]


def endorsement_key(kind: bytes) -> str:
    public = kind + b"\x00\x0b" + bytes(40)
    return base64.b64encode(len(public).to_bytes(2, "big") + public).decode()


@pytest.mark.parametrize("kind", [b"\x00\x01", b"\x00\x23"])
def test_a_tpm_needs_keys_at_its_hub_or_a_certificate(sound: Value, kind: bytes) -> None:
    enrollment: Value = {
        "attestation": {"tpm": {"endorsementKey": endorsement_key(kind)}},
        "allocation": {"hubs": ["eu-1"]},
    }
    sound["enrollments"] = {"one": enrollment}
    assert [path for path, _, _ in faults_of(sound)] == ["enrollments.one.attestation"]
    certified = {**enrollment, "certificates": {"policy": "monthly"}}
    sound["azure"]["registry"] = {"policies": {"monthly": {}}}
    sound["azure"]["provisioningApi"] = "2026-11-01"
    assert faults_of({**sound, "enrollments": {"one": certified}}) == []
    sound["azure"]["hubs"]["eu-1"]["localAuth"] = {"devices": True}
    assert faults_of(sound) == []


def test_a_key_that_is_none_of_a_tpm(sound: Value) -> None:
    sound["azure"]["hubs"]["eu-1"]["localAuth"] = {"devices": True}
    tpm = {"endorsementKey": endorsement_key(b"\x00\x08")}
    sound["enrollments"] = {"one": {"attestation": {"tpm": tpm}, "allocation": {"hubs": ["eu-1"]}}}
    [(path, wrong, _)] = faults_of(sound)
    assert (path, wrong) == (
        "enrollments.one.attestation.tpm.endorsementKey",
        "this is no endorsement key of a TPM 2.0",
    )
