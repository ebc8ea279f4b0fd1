"""A manifest's life as the engine drives it: create, change, refuse, remove, refresh, another machine."""

from __future__ import annotations

from typing import Any

import pytest

from provider.errors import InitFailedError
from provider.manifest.errors import ForeignManifestError, RemovalRefusedError


def outputs(one: Any) -> tuple[int, int, int]:
    return one.properties["rows"], one.properties["accepted"], one.properties["refused"]


def test_a_creation_sends_each_row_once_with_its_mark(
    handler: Any, life: Any, dps: Any, write: Any, rows: Any
) -> None:
    one = life(handler)
    one.create(write(rows(*range(25))))
    assert one.resource_id == "contoso.azure-devices-provisioning.net/manifests/fridges"
    assert outputs(one) == (25, 25, 0)
    assert dps.ids() == {f"fridge-{number}" for number in range(25)}
    assert dps.twice() == {}
    assert dps.calls["bulk"] == 3
    document = dps.enrollments["fridge-7"]
    assert document["attestation"] == {"type": "symmetricKey"}
    assert document["iotHubs"] == ["one.azure-devices.net", "two.azure-devices.net"]
    assert document["optionalDeviceInformation"]["muster"]["manifest"] == "fridges"
    assert one.changed() == {}


def test_an_update_sends_only_what_differs(handler: Any, life: Any, dps: Any, write: Any, rows: Any) -> None:
    one = life(handler)
    one.create(write(rows(*range(30), **{"tags.site": "oslo"})))
    kept = dps.keys["fridge-3"]
    dps.applied.clear()
    text = rows(*range(1, 32), **{"tags.site": "oslo"}).replace("fridge-3,oslo", "fridge-3,bergen")
    one.update(**write(text))
    assert dict(dps.applied) == {
        ("delete", "fridge-0"): 1,
        ("updateIfMatchETag", "fridge-3"): 1,
        ("create", "fridge-30"): 1,
        ("create", "fridge-31"): 1,
    }
    assert dps.enrollments["fridge-3"]["initialTwin"]["tags"] == {"site": "bergen"}
    assert dps.keys["fridge-3"] == kept, "an update does not make new keys"
    assert outputs(one) == (31, 31, 0)


def test_refused_rows_are_named_and_only_they_are_sent_again(
    handler: Any, life: Any, dps: Any, write: Any, rows: Any
) -> None:
    dps.refuses = {"fridge-4": (400000, "not that one"), "fridge-9": (400001, "nor that")}
    given = handler.check(write(rows(*range(12)))).inputs
    with pytest.raises(InitFailedError) as raised:
        handler.create(handler.state(given, {}).inputs)
    (reason,) = raised.value.reasons
    assert "2 of 12 rows are refused" in reason
    assert "line 6: fridge-4: the service refuses it: not that one (400000)" in reason
    assert "line 11: fridge-9: " in reason
    properties = handler.properties(given, raised.value.outputs)
    assert (properties["accepted"], properties["refused"]) == (10, 2)
    diff = handler.diff(given, properties, given)
    assert [each.path for each in diff.changes] == ["accepted"]
    assert "0 changed" in diff.notices[0].text
    assert "2 added" in diff.notices[0].text

    dps.refuses = {}
    dps.applied.clear()
    made = handler.update(handler.state(given, properties), handler.state(given, {}).inputs)
    assert made.outputs.accepted == 12
    assert set(dps.applied) == {("create", "fridge-4"), ("create", "fridge-9")}


def test_a_truncated_file_wipes_nothing(handler: Any, life: Any, dps: Any, write: Any, rows: Any) -> None:
    one = life(handler)
    one.create(write(rows(*range(100))))
    with pytest.raises(RemovalRefusedError, match=r"lacks 20 of the 100 rows[\s\S]*allowRemovals"):
        one.update(**write(rows(*range(80))))
    assert len(dps.ids()) == 100
    one.update(**write(rows(*range(80)), allowRemovals=True))
    assert len(dps.ids()) == 80
    one.update(**write(rows(*range(75)), allowRemovals=False))
    assert len(dps.ids()) == 75, "a few rows may go without a word"


def test_a_preview_counts(handler: Any, life: Any, write: Any, rows: Any, dps: Any) -> None:
    given = write(rows(*range(30), **{"tags.site": "oslo"}))
    typed = handler.state(handler.check(given).inputs, {}).inputs
    assert handler.notices(None, typed)[0].text == "manifest fridges: 30 added, 0 changed, 0 removed"
    one = life(handler)
    one.create(given)
    changed = write(rows(*range(1, 33), **{"tags.site": "oslo"}).replace("fridge-3,oslo", "fridge-3,bergen"))
    before = dps.calls.total()
    diff = handler.diff(one.inputs, one.properties, {**one.inputs, **changed})
    assert diff.notices[0].text == "manifest fridges: 3 added, 1 changed, 1 removed"
    assert dps.calls.total() == before, "the ledger is enough"


def test_a_preview_elsewhere_asks_the_service(
    handler: Any, another_machine: Any, life: Any, write: Any, rows: Any
) -> None:
    one = life(handler)
    one.create(write(rows(*range(30))))
    changed = {**one.inputs, **write(rows(*range(1, 33)))}
    diff = another_machine.diff(one.inputs, one.properties, changed)
    assert diff.notices[0].text == "manifest fridges: 3 added, 0 changed, 1 removed"


def test_an_update_elsewhere_reads_the_service_first(
    handler: Any, another_machine: Any, life: Any, dps: Any, write: Any, rows: Any
) -> None:
    one = life(handler)
    one.create(write(rows(*range(300))))
    one.handler = another_machine
    dps.applied.clear()
    one.update(**write(rows(*range(1, 302))))
    assert set(dps.applied) == {("delete", "fridge-0"), ("create", "fridge-300"), ("create", "fridge-301")}
    one.handler = handler
    dps.applied.clear()
    one.update(**write(rows(*range(1, 303))))
    assert set(dps.applied) == {("create", "fridge-302")}, "a ledger of an older revision is not believed"


def test_enrollments_of_others_are_left_alone(
    handler: Any, life: Any, dps: Any, write: Any, rows: Any
) -> None:
    dps.enrollments["fridge-2"] = {
        "registrationId": "fridge-2",
        "etag": "theirs",
        "attestation": {"type": "tpm"},
    }
    with pytest.raises(
        InitFailedError, match="line 4: fridge-2 exists in the service and is not of this manifest"
    ):
        life(handler).create(write(rows(*range(5))))
    assert dps.enrollments["fridge-2"]["etag"] == "theirs"
    handler.delete("contoso.azure-devices-provisioning.net/manifests/fridges")
    assert dps.ids() == {"fridge-2"}


def test_a_creation_over_another_manifest_of_the_name_is_refused(
    handler: Any, another_machine: Any, life: Any, dps: Any, write: Any, rows: Any
) -> None:
    life(handler).create(write(rows(*range(30))))
    dps.applied.clear()
    (notice,) = life(another_machine).create(write(rows(*range(30)))).notices
    assert "30 rows were in the service already" in notice.text
    assert dps.applied == {}
    with pytest.raises(ForeignManifestError, match=r"30 devices of a manifest of this name[\s\S]*adopt"):
        life(another_machine).create(write(rows(*range(28))))
    assert dps.applied == {}
    life(another_machine).create(write(rows(*range(28)), adopt=True))
    assert len(dps.ids()) == 28


def test_a_refresh_finds_what_is_lost_and_up_mends_it(
    handler: Any, life: Any, dps: Any, write: Any, rows: Any
) -> None:
    one = life(handler)
    one.create(write(rows(*range(250))))
    assert one.refresh()
    assert outputs(one) == (250, 250, 0)
    assert one.changed() == {}
    del dps.enrollments["fridge-17"]
    assert one.refresh()
    assert outputs(one) == (250, 249, 0)
    assert one.changed() == {"accepted": False}
    dps.applied.clear()
    one.update()
    assert dict(dps.applied) == {("create", "fridge-17"): 1}
    dps.enrollments.clear()
    assert not one.refresh()


def test_a_disabled_device_is_not_enabled_again_by_the_way(
    handler: Any, life: Any, dps: Any, write: Any, rows: Any
) -> None:
    one = life(handler)
    one.create(write(rows(1, 2, **{"tags.site": "oslo"})))
    dps.enrollments["fridge-1"] |= {"provisioningStatus": "disabled", "etag": "revoked"}
    changed = write(rows(1, 2, **{"tags.site": "bergen"}))
    with pytest.raises(InitFailedError, match=r"line 2: fridge-1 was disabled in the service"):
        one.update(**changed)
    assert dps.enrollments["fridge-1"]["provisioningStatus"] == "disabled"
    assert dps.enrollments["fridge-2"]["initialTwin"]["tags"] == {"site": "bergen"}


def test_other_defaults_change_all_rows(handler: Any, life: Any, dps: Any, write: Any, rows: Any) -> None:
    one = life(handler)
    one.create(write(rows(*range(250))))
    dps.applied.clear()
    dps.calls.clear()
    one.update(reprovision="keep")
    assert len(dps.applied) == 250
    assert {mode for mode, _ in dps.applied} == {"updateIfMatchETag"}
    assert dps.calls["query"] == 3, "many rows are read in pages, not one by one"
    assert all(not each["reprovisionPolicy"]["updateHubAssignment"] for each in dps.enrollments.values())


def test_deleting_the_resource_removes_its_rows_and_no_others(
    handler: Any, another_machine: Any, life: Any, dps: Any, write: Any, rows: Any
) -> None:
    one = life(handler)
    one.create(write(rows(*range(220))))
    other = life(handler)
    other.create(write(rows(*range(500, 510)), name="vans.csv"))
    another_machine.delete(one.resource_id)
    assert dps.ids() == {f"fridge-{number}" for number in range(500, 510)}
    handler.delete(one.resource_id)
