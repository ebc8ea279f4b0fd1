"""Operations over the wire: the command itself, real TLS, tokens, devices that register and send."""

from __future__ import annotations

import json
import signal
import time
from typing import Any

import pytest

from tests.localcloud.control.client import Control, Fault
from tests.operations.conftest import Authority
from tests.operations.live import HUB, SERVICE, Device, Live

pytestmark = pytest.mark.xdist_group("operations-live")
WHY = ("--reason", "stolen from the depot")


def provisioned(live: Live, name: str, issuer: Authority | None = None) -> Device:
    device = live.device(name, issuer)
    assert live.registers(device)
    assert live.connects(device)
    return device


def lines(live: Live, name: str) -> list[dict[str, Any]]:
    entries = [json.loads(line) for line in live.record.read_text().splitlines()]
    return [entry for entry in entries if entry["device"] == name]


def test_a_device_of_a_group_goes_and_comes_back(live: Live) -> None:
    device, other = provisioned(live, "reefer-1"), provisioned(live, "reefer-2")
    planned = live.muster("device", "disable", "reefer-1", "-s", "prod", *WHY, "--plan")
    assert "would be disabled" in planned.stdout
    assert live.connects(device)

    done = json.loads(live.muster("device", "disable", "reefer-1", "-s", "prod", *WHY, "--json").stdout)
    assert [each["outcome"] for each in done["devices"]] == ["disabled"]
    assert (live.registers(device), live.connects(device)) == (False, False)
    assert (live.registers(other), live.connects(other)) == (True, True)
    operation = done["devices"][0]["operation"]
    assert live.identity("reefer-1")["statusReason"] == f"muster {operation}: stolen from the depot"
    written = lines(live, "reefer-1")
    assert [entry["event"] for entry in written] == ["began", "before", "after", "before", "after", "ended"]
    assert {(entry["who"], entry["operation"]) for entry in written} == {("ada", operation)}
    assert written[4]["facts"]["etag"] == live.identity("reefer-1")["etag"]

    again = live.muster("device", "disable", "REEFER-1", "-s", "prod", *WHY)
    assert "disabled already" in again.stdout
    live.muster("device", "enable", "reefer-1", "-s", "prod", "--reason", "found again")
    assert live.enrollment("reefer-1") is None
    assert (live.connects(device), live.registers(device)) == (True, True)


def test_an_enrollment_of_its_own_keeps_its_keys(live: Live, tmp_path_factory: Any) -> None:
    file = tmp_path_factory.mktemp("keys") / "bench-1.key"
    live.muster("device", "key", "bench-1", "--out", str(file), "-s", "prod")
    key = file.read_text().strip()
    assert live.registers_by_key("bench-1", key)
    done = live.muster("device", "disable", "bench-1", "-s", "prod", *WHY)
    assert "stands in the fleet's description" in done.stderr
    assert not live.registers_by_key("bench-1", key)
    assert live.identity("bench-1")["status"] == "disabled"
    live.muster("device", "enable", "bench-1", "-s", "prod", "--reason", "found again")
    assert live.registers_by_key("bench-1", key)
    assert live.identity("bench-1")["status"] == "enabled"
    assert key not in live.record.read_text()


def test_a_key_derived_from_a_groups_opens_the_door(live: Live, tmp_path_factory: Any) -> None:
    file = tmp_path_factory.mktemp("keys") / "scanner.key"
    told = live.muster("device", "key", "scanner-5", "--group", "scanners", "--out", str(file), "-s", "prod")
    key = file.read_text().strip()
    assert file.stat().st_mode & 0o777 == 0o600
    assert key not in told.output
    assert live.registers_by_key("scanner-5", key)
    assert not live.registers_by_key("scanner-4", key)
    live.muster("device", "disable", "scanner-5", "-s", "prod", *WHY)
    assert not live.registers_by_key("scanner-5", key)
    assert lines(live, "scanner-5")[0]["action"] == "key"
    again = live.muster("device", "key", "scanner-5", "--out", str(file), "-s", "prod", code=1)
    assert "ever overwritten" in again.stderr
    other = str(file.with_suffix(".new"))
    for group in ((), ("--group", "scanners")):
        told = live.muster("device", "key", "scanner-5", *group, "--out", other, "-s", "prod", code=1)
        assert "is disabled" in told.stderr


@pytest.mark.parametrize("stage", ["request", "answer"])
@pytest.mark.parametrize(
    ("step", "match", "host"),
    [("enrollment", "POST /enrollments", SERVICE), ("identity", "PUT /devices/*", HUB)],
)
def test_kill_9_in_the_middle_is_gone_on_with(
    live: Live, step: str, match: str, host: str, stage: Any
) -> None:
    name = f"killed-{step}-{stage}"
    device = provisioned(live, name)
    fault = Fault(
        surface="https", action="delay", host=host, match=match, stage=stage, delay_seconds=20, times=1
    )
    with Control(live.state) as control:
        control.set_faults(fault)
        process = live.start("device", "disable", name, "-s", "prod", *WHY)
        wait_for(lambda: control.hits() == [1])
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    assert lines(live, name)[-1]["event"] == "before"
    assert lines(live, name)[-1]["facts"]["step"] == step
    assert live.registers(device) is (step == "enrollment" and stage == "request")
    done = json.loads(live.muster("device", "disable", name, "-s", "prod", *WHY, "--json").stdout)
    assert done["devices"][0]["resumed"] is True
    assert (live.registers(device), live.connects(device)) == (False, False)
    assert len({entry["operation"] for entry in lines(live, name)}) == 1
    live.muster("device", "enable", name, "-s", "prod", "--reason", "found again")
    assert (live.connects(device), live.registers(device)) == (True, True)


def wait_for(done: Any, seconds: float = 20) -> None:
    ends = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < ends, "it took too long"
        time.sleep(0.05)


def test_what_somebody_changed_is_told_and_let_be(live: Live) -> None:
    provisioned(live, "changed-1")
    live.muster("device", "disable", "changed-1", "-s", "prod", *WHY)
    identity = live.identity("changed-1")
    hub = live.azure.hub(HUB)
    hub.put("/devices/changed-1", {**identity, "statusReason": "police case 7"}, identity["etag"])
    told = live.muster("device", "enable", "changed-1", "-s", "prod", "--reason", "found", code=1)
    assert "was changed since we disabled it" in told.stderr
    assert live.enrollment("changed-1") is not None, "nothing was undone"
    live.muster("device", "enable", "changed-1", "-s", "prod", "--reason", "found", "--even-if-changed")
    assert live.identity("changed-1")["status"] == "enabled"


def test_unknown_ones_are_told_and_the_others_done(live: Live) -> None:
    provisioned(live, "known-1")
    told = live.muster("device", "disable", "nobody-1", "known-1", "-s", "prod", *WHY, "--json", code=1)
    assert "nobody-1: no individual enrollment" in told.stderr
    outcomes = {each["registrationId"]: each["outcome"] for each in json.loads(told.stdout)["devices"]}
    assert outcomes == {"known-1": "disabled", "nobody-1": "failed"}
    assert (
        "nothing is undone"
        in live.muster("device", "enable", "nobody-1", "-s", "prod", "--reason", "found", code=1).stderr
    )


def test_too_many_at_once_need_to_be_meant(live: Live) -> None:
    names = [f"many-{number}" for number in range(11)]
    told = live.muster("device", "disable", *names, "-s", "prod", *WHY, code=1)
    assert "--up-to 11" in told.stderr


def test_a_fleet_without_a_stack_is_named_by_its_service(live: Live) -> None:
    device = provisioned(live, "bare-1")
    record = live.project / "elsewhere.jsonl"
    named = ("--service", SERVICE, "--record", str(record))
    live.muster("device", "disable", "bare-1", *named, *WHY)
    assert not live.registers(device)
    live.muster("device", "enable", "bare-1", *named, "--reason", "found")
    assert live.registers(device)
    assert len(record.read_text().splitlines()) == 12


def test_a_crl_is_followed_once_and_told_in_full(live: Live, oslo: Authority) -> None:
    stolen, spared, kept = (provisioned(live, f"listed-{number}") for number in range(3))
    old = live.device("listed-1")
    assert live.registers(spared), "it uses the newer of its two certificates"
    superseded = live.crl("superseded.crl", oslo, old.leaf.serial_number, reason="superseded", number=1)
    issued = ("--certificates", "issued", "-s", "prod")
    told = live.muster("revocation", "reconcile", "--crl", str(superseded), *issued)
    assert "listed-1: left" in told.stdout

    crl = live.crl("oslo.crl", oslo, stolen.leaf.serial_number, 77, reason="keyCompromise", number=2)
    planned = live.muster("revocation", "reconcile", "--crl", str(crl), *issued, "--plan", code=3)
    assert "listed-0: would be disabled" in planned.stdout
    done = live.muster("revocation", "reconcile", "--crl", str(crl), *issued, "--json", code=3)
    document = json.loads(done.stdout)
    assert [each["registrationId"] for each in document["disabled"]] == ["listed-0"]
    assert [each["serial"] for each in document["unmapped"]] == ["4D"]
    assert not live.registers(stolen)
    assert live.registers(spared)
    assert live.registers(kept)
    again = json.loads(
        live.muster("revocation", "reconcile", "--crl", str(crl), *issued, "--json", code=3).stdout
    )
    assert (again["disabled"], again["already"]) == ([], ["listed-0"])

    replayed = live.muster("revocation", "reconcile", "--crl", str(superseded), *issued, code=1)
    assert "number 1, and number 2 was acted on before" in replayed.stderr


def test_a_crl_that_proves_nothing_does_nothing(live: Live, oslo: Authority, bergen: Authority) -> None:
    device = provisioned(live, "safe-1")
    serial = device.leaf.serial_number
    expired = live.crl("expired.crl", oslo, serial, ends=-0.5, number=50)
    forged = live.crl("forged.crl", oslo, serial, key=bergen.key, number=50)
    good = live.crl("good.crl", oslo, serial, number=50)
    given = [word for file in (expired, forged, good) for word in ("--crl", str(file))]
    told = live.muster("revocation", "reconcile", *given, "--certificates", "issued", "-s", "prod", code=1)
    assert "expired.crl: expired" in told.stderr
    assert "forged.crl: not signed by the key of" in told.stderr
    assert "nothing was done" in told.stderr
    assert live.registers(device)


def test_a_crl_of_the_whole_fleet_is_taken_for_a_mistake(live: Live, bergen: Authority) -> None:
    devices = [provisioned(live, f"mass-{number}", bergen) for number in range(5)]
    crl = live.crl("mass.crl", bergen, *(device.leaf.serial_number for device in devices))
    command = ("revocation", "reconcile", "--crl", str(crl), "--certificates", "issued", "-s", "prod")
    told = live.muster(*command, code=1)
    assert "Are the CRLs a mistake?" in told.stderr
    assert all(live.registers(device) for device in devices)
    live.muster(*command, "--up-to-percent", "100")
    assert not any(live.registers(device) for device in devices)


def test_a_rotation_is_watched_to_its_end(live: Live, oslo: Authority, bergen: Authority) -> None:
    names = [f"turn-{number}" for number in range(105)]
    command = ("rotation", "report", "-s", "prod", "--group", "reefers", "--certificates", "issued", "--json")
    devices = [live.device(name) for name in names]
    assert all(live.registers(device) for device in devices)
    stranger = live.device("turn-stranger")
    assert live.registers(stranger)
    (live.project / "issued" / f"turn-stranger-{stranger.leaf.serial_number:x}.pem").unlink()
    report = json.loads(live.muster(*command, code=3).stdout)
    standing = {each["registrationId"]: each["standing"] for each in report["devices"]}
    assert {standing[name] for name in names} == {"old"}, "more than a page of them"
    assert (standing["turn-stranger"], report["old"]) == ("unknown", "CN=coldchain oslo")
    assert live.registers(live.device("turn-0", bergen))
    report = json.loads(live.muster(*command, code=3).stdout)
    assert {each["registrationId"]: each["standing"] for each in report["devices"]}["turn-0"] == "new"
    done = live.muster(*command, "--old", "bergen", code=3)
    assert json.loads(done.stdout)["old"] == "CN=coldchain bergen"
