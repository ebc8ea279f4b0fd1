"""Bulk operations: ten at most, each for itself, and the result tells of each that was refused."""

from typing import Any

import pytest

from localcloud.azure.dps import bulk
from localcloud.azure.dps.errors import DpsError
from localcloud.azure.dps.kinds import GROUP, INDIVIDUAL, Kind

from .conftest import Fleet


def _run(fleet: Fleet, mode: str, items: Any, kind: Kind = INDIVIDUAL) -> Any:
    enrollments = fleet.registry.enrollments
    body = {kind.table: items, "mode": mode}
    return bulk.run(enrollments, kind, "fleet", body, enrollments.surroundings("fleet"))


def _item(name: str, kind: Kind = INDIVIDUAL, **more: Any) -> dict[str, Any]:
    return {kind.member: name, "attestation": {"type": "symmetricKey"}, **more}


def _names(fleet: Fleet, kind: Kind = INDIVIDUAL) -> list[str]:
    return [it[kind.member] for it in fleet.registry.enrollments.all(kind, "fleet")]


@pytest.mark.parametrize("kind", [INDIVIDUAL, GROUP])
def test_the_four_modes(fleet: Fleet, kind: Kind) -> None:
    items = [_item(f"p-{n}", kind) for n in range(10)]
    assert _run(fleet, "create", items, kind) == {"isSuccessful": True, "errors": []}
    assert len(_names(fleet, kind)) == 10
    assert _run(fleet, "update", [_item("p-1", kind, provisioningStatus="disabled")], kind)["isSuccessful"]
    found = fleet.registry.enrollments.get(kind, "fleet", "p-1")
    assert found["provisioningStatus"] == "disabled"
    fresh = _item("p-1", kind, etag=found["etag"])
    assert _run(fleet, "updateIfMatchETag", [fresh], kind)["isSuccessful"]
    stale = _run(fleet, "updateIfMatchETag", [fresh], kind)
    assert [it["errorCode"] for it in stale["errors"]] == [412000]
    assert _run(fleet, "delete", items, kind)["isSuccessful"]
    assert _names(fleet, kind) == []


def test_each_item_is_done_or_refused_for_itself(fleet: Fleet) -> None:
    _run(fleet, "create", [_item("there")])
    items = [_item("new"), _item("there"), _item("bad id"), _item("hub", iotHubs=["x"]), _item("NEW")]
    result = _run(fleet, "create", items)
    assert not result["isSuccessful"]
    told = {it["registrationId"]: (it["errorCode"], it["errorStatus"]) for it in result["errors"]}
    assert {name: code for name, (code, _) in told.items()} == {
        "there": 409000,
        "bad id": 400000,
        "hub": 400000,
        "NEW": 409000,
    }
    assert "'x' is not linked" in told["hub"][1]
    assert _names(fleet) == ["new", "there"]
    for mode, code in (("update", 404201), ("delete", 404201), ("updateIfMatchETag", 404201)):
        assert _run(fleet, mode, [_item("nobody")])["errors"][0]["errorCode"] == code
    assert _run(fleet, "updateIfMatchETag", [_item("new")])["errors"][0]["errorCode"] == 400000


@pytest.mark.parametrize(
    ("mode", "items", "words"),
    [
        ("create", [_item(f"p-{n}") for n in range(11)], "must have 1 to 10 items, not 11"),
        ("create", [], "must have 1 to 10 items, not 0"),
        ("replace", [_item("p")], "mode: must be one of create, update"),
        ("create", {"p": 1}, "enrollments: must be a list"),
        ("create", [_item("p"), {}, 7], r"enrollments\[1\].registrationId: is required"),
        ("create", [_item("p"), {"registrationId": 7}], r"enrollments\[1\].registrationId: is required"),
    ],
)
def test_what_is_no_bulk_operation(fleet: Fleet, mode: str, items: Any, words: str) -> None:
    with pytest.raises(DpsError, match=words):
        _run(fleet, mode, items)
    assert _names(fleet) == []
