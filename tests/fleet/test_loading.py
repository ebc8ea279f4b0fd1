"""What a sound description becomes, and which parts come from outside it."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import fleet
from fleet import FleetError, names
from fleet.description import X509, Function, LocalAuth, Storage, SymmetricKey
from fleet.twins import size_bytes

STACKS = Path(__file__).parents[2] / "stacks"


def loaded(value: object, stack: str = "local", location: str | None = "westeurope") -> fleet.Fleet:
    return fleet.load(value, stack=stack, location=location)


def faults_of(value: object, **where: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(FleetError) as caught:
        loaded(value, **where)
    return [(fault.path, fault.wrong, fault.right) for fault in caught.value.faults]


def test_defaults_are_filled_in(sound: dict[str, Any]) -> None:
    result = loaded(sound)
    group = result.groups["reefers"]
    assert (group.reprovision, group.enabled, group.on_hubs.policy) == ("migrate", True, "hashed")
    assert (result.identity.device.days, result.identity.device.renew_before_days) == (365, 60)
    assert result.clouds == ("azure",)
    assert result.on_azure.location == "westeurope"
    assert result.on_azure.resource_group == result.on_azure.provisioning_service == "coldchain-local"
    assert [hub.name for hub in result.on_azure.hubs.values()] == [
        "coldchain-local-eu-1",
        "coldchain-local-eu-2",
    ]
    assert group.twin.desired == {"intervalSeconds": 60, "modes": [1, {"a": True}]}
    assert group.attestation == X509(issuer="oslo")
    hub = result.on_azure.hubs["eu-1"]
    assert (hub.location, hub.partitions, hub.local_auth) == ("westeurope", 4, LocalAuth())
    assert (hub.network.public, hub.fallback_route, hub.file_upload) == (True, True, None)


def test_the_given_value_is_left_alone(sound: dict[str, Any]) -> None:
    before = copy.deepcopy(sound)
    loaded(sound)
    assert sound == before


@pytest.mark.parametrize(
    ("stack", "protect"), [("local", False), ("dev", False), ("staging", True), ("prod", True)]
)
def test_protection_is_on_outside_local_and_dev(sound: dict[str, Any], stack: str, protect: bool) -> None:
    assert loaded(sound, stack=stack).protect is protect
    assert loaded({**sound, "protect": not protect}, stack=stack).protect is not protect


def test_names_may_be_chosen(sound: dict[str, Any]) -> None:
    sound["azure"]["hubs"]["eu-1"] = {"name": "ice-hub"}
    sound["azure"]["provisioningService"] = "ice-dps"
    result = loaded(sound, stack="Prod")
    assert result.on_azure.hubs["eu-1"].name == "ice-hub"
    assert result.on_azure.hubs["eu-2"].name == "coldchain-prod-eu-2"
    assert result.on_azure.provisioning_service == "ice-dps"


def test_a_chosen_name_cannot_meet_a_made_one(sound: dict[str, Any]) -> None:
    sound["azure"]["hubs"]["eu-1"] = {"name": "Coldchain-Local-eu-2"}
    assert faults_of(sound) == [
        (
            "azure.hubs.eu-2.name",
            'hub eu-1 has the name "coldchain-local-eu-2" already',
            "choose another name; made from the names of fleet, stack and hub: set name for another",
        )
    ]


def test_a_fleet_is_frozen(sound: dict[str, Any]) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        loaded(sound).name = "other"  # type: ignore[misc]  # that it cannot be set is the point


def test_location_comes_from_the_stack_or_from_the_fleet(sound: dict[str, Any]) -> None:
    [missing] = faults_of(sound, location=None)
    assert missing == (
        "azure.location",
        "no Azure location",
        "set azure-native:location beside muster:fleet in the stack's config",
    )
    sound["azure"]["location"] = "northeurope"
    assert loaded(sound).on_azure.location == "northeurope"


def test_whole_numbers_may_come_as_floats(sound: dict[str, Any]) -> None:
    sound["azure"]["hubs"]["eu-2"]["units"] = 3.0
    units = loaded(sound).on_azure.hubs["eu-2"].units
    assert (units, type(units)) == (3, int)


@pytest.mark.parametrize("value", [True, 2.5, "3", None, [], {}])
def test_units_of_a_wrong_type(sound: dict[str, Any], value: object) -> None:
    sound["azure"]["hubs"]["eu-2"]["units"] = value
    [(path, _, right)] = faults_of(sound)
    assert (path, right) == ("azure.hubs.eu-2.units", "should be a whole number, 1 to 200")


def test_a_program_gets_lines_when_the_file_holds_the_same(tmp_path: Path, sound: dict[str, Any]) -> None:
    sound["groups"]["reefers"]["allocation"]["hubs"] = ["eu-1", "eu-9"]
    file = tmp_path / "Pulumi.dev.yaml"
    config = {"azure-native:location": "westeurope", "muster:fleet": sound}
    file.write_text(json.dumps({"config": config}, indent=1))
    with pytest.raises(FleetError) as same:
        fleet.load(sound, file=file)
    [fault] = same.value.faults
    assert fault.line is not None
    assert "eu-9" in file.read_text().splitlines()[fault.line - 1]
    with pytest.raises(FleetError) as other:
        fleet.load({**sound, "name": "other"}, file=file)
    assert [(fault.line, fault.path) for fault in other.value.faults] == [(None, fault.path)]


def test_one_location_fault_is_told_where_it_stands(tmp_path: Path, sound: dict[str, Any]) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(json.dumps({"config": {"azure-native:location": "Mars Base", "muster:fleet": sound}}))
    with pytest.raises(FleetError) as caught:
        fleet.load_stack(file)
    [fault] = caught.value.faults
    assert fault.path == "config.azure-native:location"


def test_the_local_stack_is_sound() -> None:
    result = fleet.load_stack(STACKS / "Pulumi.local.yaml")
    assert (result.name, result.protect, list(result.on_azure.hubs)) == ("coldchain", False, ["eu-1", "eu-2"])


@pytest.mark.parametrize(
    ("document", "size"),
    [({}, 0), ({"ab": "é"}, 4), ({"a": 1, "b": 1.5, "c": True}, 23), ({"a": {"b": ["x\n", 2]}}, 11)],
)
def test_twin_size_as_the_service_counts(document: dict[str, Any], size: int) -> None:
    assert size_bytes(document) == size


def test_twins_over_the_limit(sound: dict[str, Any]) -> None:
    sound["groups"]["reefers"]["twin"] = {
        "tags": {f"k{number}": "x" * 4000 for number in range(3)},
        "desired": {**{f"k{number}": "x" * 4096 for number in range(8)}, "long": "x" * 4097, "k" * 1025: 1},
    }
    assert [(path, wrong) for path, wrong, _ in faults_of(sound)] == [
        ("groups.reefers.twin.desired", "37918 bytes by IoT Hub's count"),
        (f"groups.reefers.twin.desired.{'k' * 1025}", "a key too long for a twin"),
        ("groups.reefers.twin.desired.long", "a text too long for a twin"),
        ("groups.reefers.twin.tags", "12006 bytes by IoT Hub's count"),
    ]


def test_unions_are_their_kinds(sound: dict[str, Any]) -> None:
    sound["azure"]["hubs"]["eu-1"] |= {"localAuth": {"devices": True}, "endpoints": {"cold": {"storage": {}}}}
    sound["azure"]["functionApp"] = {"folder": "functions"}
    webhook = {"function": {"name": "allocate"}}
    sound["groups"]["reefers"] |= {
        "attestation": {"symmetricKey": {}},
        "allocation": {"policy": "custom", "hubs": ["eu-1"], "webhook": webhook},
    }
    result = loaded(sound)
    group = result.groups["reefers"]
    assert group.attestation == SymmetricKey()
    assert group.on_hubs.webhook == Function(name="allocate")
    assert result.on_azure.hubs["eu-1"].endpoints["cold"] == Storage()
    assert result.on_azure.function_app is not None
    assert result.on_azure.function_app.name == "coldchain-local-functions"


@pytest.mark.parametrize(("stack", "kept"), [("local", False), ("dev", False), ("prod", True)])
def test_logs_are_kept_outside_local_and_dev(sound: dict[str, Any], stack: str, kept: bool) -> None:
    assert loaded(sound, stack=stack).on_azure.diagnostics.enabled is kept
    sound["azure"]["diagnostics"] = {"enabled": not kept, "days": 60}
    diagnostics = loaded(sound, stack=stack).on_azure.diagnostics
    assert (diagnostics.enabled, diagnostics.days) == (not kept, 60)


def test_a_standby_has_what_it_does_not_say(sound: dict[str, Any]) -> None:
    network = {"allow": {"office": "203.0.113.0/24"}}
    main = {"sku": "S3", "name": "main-hub", "network": network, "routes": {"all": {"endpoint": "events"}}}
    sound["azure"]["hubs"] = {
        "eu-1": main,
        "eu-2": {"standbyFor": "eu-1", "location": "northeurope", "sku": "S2"},
    }
    sound["groups"]["reefers"]["allocation"]["hubs"] = ["eu-1"]
    first, standby = loaded(sound).on_azure.hubs.values()
    assert (standby.sku, standby.name, standby.location) == ("S2", "coldchain-local-eu-2", "northeurope")
    assert standby.routes == first.routes != {}
    assert (standby.network.allow, first.network.allow) == ({}, network["allow"])


def test_a_fault_is_told_once_where_it_was_taken_from(sound: dict[str, Any]) -> None:
    sound["azure"]["hubs"] = {
        "eu-1": {"routes": {"all": {"endpoint": "nowhere"}}},
        "eu-2": {"standbyFor": "eu-1", "location": "northeurope"},
    }
    sound["groups"]["reefers"]["allocation"]["hubs"] = ["eu-1"]
    assert [path for path, _, _ in faults_of(sound)] == ["azure.hubs.eu-1.routes.all.endpoint"]


def test_free_hubs_have_two_partitions(sound: dict[str, Any]) -> None:
    sound["azure"]["hubs"]["eu-1"] = {"sku": "F1"}
    assert [hub.partitions for hub in loaded(sound).on_azure.hubs.values()] == [2, 4]


@pytest.mark.parametrize(
    ("fleet_name", "stack", "name"),
    [
        ("coldchain", "prod", "coldchainprod"),
        ("cold-chain", "Feature_1.2", "coldchainfeature12"),
        ("coldchain-of-the-far-north", "staging", "coldchainofthefarn5f9db0"),
    ],
)
def test_storage_accounts_have_short_plain_names(fleet_name: str, stack: str, name: str) -> None:
    assert names.storage_account_name(fleet_name, stack) == name


@pytest.mark.parametrize(
    ("name", "most"),
    [
        (names.event_hub_namespace_name, 50),
        (names.service_bus_namespace_name, 50),
        (names.function_app_name, 60),
        (names.registry_name, 64),
    ],
)
def test_names_too_long_end_in_a_digest(name: Callable[[str, str], str], most: int) -> None:
    made = {name("a" * 32, "b" * 100), name("a" * 32, "b" * 99 + "c")}
    assert {len(each) for each in made} == {most}
    assert len(made) == 2
