"""muster:aws:DeviceManifest: rows become things, once, and what is another's stays as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from provider.clients.errors import ForbiddenError
from provider.errors import InitFailedError, UnsupportedResourceError
from provider.handlers.thing_manifest import ThingManifest
from provider.manifest.errors import RemovalRefusedError, StoppedError
from provider.values import UNKNOWN
from tests.provider.manifest.things import ARN, MemoryIot

HOST = "a1b2c3-ats.iot.eu-west-1.amazonaws.com"
POLICIES = ["coldchain-meters", "coldchain-meters.receive"]


class Issuing:
    """A certificate for each name, the same until it is renewed."""

    def __init__(self) -> None:
        self._made: dict[str, str] = {}

    def pem(self, name: str) -> str:
        if name not in self._made:
            self._made[name] = _leaf(name)
        return self._made[name]

    def renew(self, name: str) -> None:
        del self._made[name]

    def identity(self, name: str) -> str:
        der = x509.load_pem_x509_certificate(self.pem(name).encode()).public_bytes(serialization.Encoding.DER)
        return hashlib.sha256(der).hexdigest()


def _leaf(name: str) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture
def iot() -> MemoryIot:
    return MemoryIot()


@pytest.fixture
def issuing() -> Issuing:
    return Issuing()


@pytest.fixture
def asked() -> list[tuple[str, str, str | None]]:
    return []


@pytest.fixture
def things(iot: Any, clock: Any, tmp_path: Path, asked: list[Any]) -> ThingManifest:
    def client(*where: Any) -> Any:
        asked.append(where)
        return iot

    environment = {"MUSTER_STATE_DIR": str(tmp_path / "state"), "MUSTER_DPS_OPERATIONS_PER_MINUTE": "0"}
    return ThingManifest(client, clock, environment)


@pytest.fixture
def given(tmp_path: Path, issuing: Issuing) -> Callable[..., dict[str, Any]]:
    """The inputs for a file of these devices; further columns are the same for all."""

    def write(*names: str, cells: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
        cells = cells or {}
        lines = [",".join([name, f'"{issuing.pem(name)}"', *cells.values()]) for name in names]
        path = tmp_path / "meters.csv"
        path.write_text("\n".join([",".join(["registration_id", "certificate", *cells]), *lines]) + "\n")
        return {
            "dataEndpoint": HOST,
            "file": str(path),
            "contentHash": f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}",
            "thingType": "coldchain-meters",
            "thingGroup": "coldchain-meters",
            "policies": POLICIES,
            "initialTwin": {"tags": {"line": "meter"}, "desired": {"intervalSeconds": 5}},
            **more,
        }

    return write


def _names(count: int) -> list[str]:
    return [f"meter-{number}" for number in range(count)]


def test_each_row_becomes_a_thing_with_all_that_it_needs(
    things: Any, life: Any, iot: MemoryIot, given: Any, issuing: Issuing, asked: list[Any]
) -> None:
    one = life(things)
    one.create(given(*_names(12), cells={"tags.floor": "3"}))
    assert one.resource_id == f"{HOST}/manifests/meters"
    assert [one.properties[each] for each in ("rows", "accepted", "refused")] == [12, 12, 0]
    thing = iot.things["meter-3"]
    assert (thing["thingTypeName"], thing["group"]) == ("coldchain-meters", "coldchain-meters")
    attributes = {key: value for key, value in thing["attributes"].items() if key != "musterRow"}
    marked = {"musterManifest": "meters", "musterEnabled": "true"}
    assert attributes == {"line": "meter", "floor": "3", **marked}
    arn = ARN + issuing.identity("meter-3")
    assert iot.principals["meter-3"] == [arn]
    assert iot.policies[arn] == POLICIES
    assert iot.certificates[issuing.identity("meter-3")]["status"] == "ACTIVE"
    assert iot.shadows["meter-3"] == {"state": {"desired": {"intervalSeconds": 5}}}
    assert set(asked) == {("iot", "eu-west-1", None), ("iot-data", "eu-west-1", f"https://{HOST}")}
    assert one.refresh()
    assert one.changed() == {}


def test_an_update_sends_only_what_differs_and_retires_the_old_certificate(
    things: Any, life: Any, iot: MemoryIot, given: Any, issuing: Issuing
) -> None:
    one = life(things)
    one.create(given(*_names(20)))
    old = issuing.identity("meter-2")
    issuing.renew("meter-2")
    iot.calls.clear()
    iot.shadows["meter-2"] = {"state": {"desired": {"mine": 1}}}
    one.update(**given(*_names(21)[1:]))
    assert iot.calls["create_thing"] == 1
    assert set(iot.things) == set(_names(21)[1:])
    assert iot.principals["meter-2"] == [ARN + issuing.identity("meter-2")]
    assert iot.certificates[old]["status"] == "INACTIVE"
    assert iot.policies[ARN + old] == []
    assert issuing.identity("meter-0") not in iot.certificates
    assert "meter-0" not in iot.shadows
    assert iot.shadows["meter-2"] == {"state": {"desired": {"mine": 1}}}


def test_policies_that_are_no_longer_wanted_are_detached_and_those_of_others_stay(
    things: Any, life: Any, iot: MemoryIot, given: Any, issuing: Issuing
) -> None:
    one = life(things)
    one.create(given("meter-0"))
    arn = ARN + issuing.identity("meter-0")
    iot.policies[arn].append("forbidden-for-now")
    one.update(**given("meter-0", policies=["coldchain-meters", "coldchain-meters.jobs"]))
    assert set(iot.policies[arn]) == {"coldchain-meters", "coldchain-meters.jobs", "forbidden-for-now"}


def test_a_change_that_was_cut_off_still_retires_the_old_certificate(
    things: Any, life: Any, iot: MemoryIot, given: Any, issuing: Issuing
) -> None:
    one = life(things)
    one.create(given("meter-0"))
    old = issuing.identity("meter-0")
    issuing.renew("meter-0")
    iot.fails["detach_thing_principal"] = (400, "InvalidRequestException")
    with pytest.raises(InitFailedError):
        one.update(**given("meter-0"))
    one.update(**given("meter-0"))
    assert iot.certificates[old]["status"] == "INACTIVE"
    assert iot.principals["meter-0"] == [ARN + issuing.identity("meter-0")]


def test_a_certificate_that_is_anothers_too_goes_on(
    things: Any, life: Any, iot: MemoryIot, given: Any, issuing: Issuing
) -> None:
    one = life(things)
    one.create(given("meter-0"))
    arn = ARN + issuing.identity("meter-0")
    iot.principals["another"] = [arn]
    things.delete(one.resource_id)
    assert "meter-0" not in iot.things
    assert iot.certificates[issuing.identity("meter-0")]["status"] == "ACTIVE"
    assert iot.policies[arn] == POLICIES


def test_what_is_anothers_is_left_alone_and_told(
    things: Any, life: Any, iot: MemoryIot, given: Any, issuing: Issuing
) -> None:
    iot.things["meter-1"] = {"attributes": {"owner": "me"}, "version": 4}
    iot.call("register_certificate_without_ca", certificatePem=issuing.pem("meter-2"), status="ACTIVE")
    iot.principals["another"] = [ARN + issuing.identity("meter-2")]
    iot.call("register_certificate_without_ca", certificatePem=issuing.pem("meter-3"), status="REVOKED")
    with pytest.raises(InitFailedError) as raised:
        life(things).create(given(*_names(5), "METER-9"))
    told = str(raised.value)
    assert "4 of 6 rows are refused, 2 are in the service" in told
    assert "meter-1 exists in the service and is not of this manifest; it was left alone" in told
    assert "its certificate is that of the thing another" in told
    assert "its certificate is revoked in AWS IoT" in told
    assert "lower-case letters would be right" in told
    assert iot.things["meter-1"] == {"attributes": {"owner": "me"}, "version": 4}


def test_a_run_that_failed_half_way_is_finished_by_the_next(things: Any, iot: MemoryIot, given: Any) -> None:
    inputs = things.check(given("meter-0")).inputs
    wanted = things.state(inputs, {}).inputs
    iot.fails["attach_policy"] = (400, "InvalidRequestException")
    with pytest.raises(InitFailedError) as raised:
        things.create(wanted)
    assert "musterRow" not in iot.things["meter-0"]["attributes"]
    kept = things.state(inputs, things.properties(inputs, raised.value.outputs))
    assert things.update(kept, wanted).outputs.accepted == 1
    assert len(iot.certificates) == 1


def test_throttling_is_waited_for_and_a_missing_right_stops(
    things: Any, life: Any, iot: MemoryIot, given: Any
) -> None:
    iot.fails["create_thing"] = (400, "ThrottlingException")
    one = life(things)
    one.create(given("meter-0"))
    assert one.properties["accepted"] == 1
    iot.fails["create_thing"] = (403, "AccessDeniedException")
    with pytest.raises(InitFailedError, match="403 AccessDeniedException"):
        one.update(**given("meter-0", "meter-1"))


def test_no_right_at_all_leaves_nothing(things: Any, life: Any, iot: MemoryIot, given: Any) -> None:
    iot.fails["describe_thing"] = (403, "AccessDeniedException")
    iot.fails["create_thing"] = (403, "AccessDeniedException")
    with pytest.raises((StoppedError, ForbiddenError), match="403 AccessDeniedException"):
        life(things).create(given("meter-0"))
    assert iot.things == {}


def test_a_device_that_was_deactivated_by_hand_stays_so(
    things: Any, life: Any, iot: MemoryIot, given: Any, issuing: Issuing
) -> None:
    one = life(things)
    one.create(given("meter-0"))
    iot.certificates[issuing.identity("meter-0")]["status"] = "INACTIVE"
    with pytest.raises(InitFailedError, match="disabled in the service after this manifest had enabled it"):
        one.update(**given("meter-0", cells={"tags.floor": "4"}))
    assert iot.certificates[issuing.identity("meter-0")]["status"] == "INACTIVE"
    one.update(**given("meter-0", cells={"enabled": "false"}))
    one.update(**given("meter-0", cells={"enabled": "true"}))
    assert iot.certificates[issuing.identity("meter-0")]["status"] == "ACTIVE"


def test_a_truncated_file_removes_nothing_and_a_deletion_removes_ours(
    things: Any, life: Any, iot: MemoryIot, given: Any
) -> None:
    one = life(things)
    one.create(given(*_names(40)))
    with pytest.raises(RemovalRefusedError):
        one.update(**given(*_names(20)))
    iot.things["another"] = {"attributes": {}, "version": 1}
    things.delete(one.resource_id)
    assert set(iot.things) == {"another"}
    assert iot.certificates == iot.shadows == {}
    assert not one.refresh()


def test_check_and_import_need_no_service(things: Any, given: Any, asked: list[Any]) -> None:
    inputs = given("meter-0")
    assert things.check(inputs).faults == ()
    assert things.check({**inputs, "dataEndpoint": UNKNOWN}).faults == ()
    wrong = {"dataEndpoint": "iot.example.com", "thingType": "a b", "policies": ["x", "x"]}
    assert {each.name for each in things.check({**inputs, **wrong}).faults} == set(wrong)
    nested = {"tags": {"place": {"floor": 1}}, "desired": {}}
    (fault,) = things.check({**inputs, "initialTwin": nested}).faults
    assert "tags.place can be no attribute" in fault.reason
    with pytest.raises(UnsupportedResourceError, match="adopt = true"):
        things.read(f"{HOST}/manifests/meters", None)
    assert asked == []
