"""A device that came by claim renews its certificate with the one it has: due, killed, refused, given up."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from agent.assignment import Assignment, Validity
from agent.aws.claim import ClaimProvisioning, ClaimRenewal
from agent.aws.cloud import AwsCloud, NoRenewal
from agent.commands import SetAlarm
from agent.errors import RefusedError, UnavailableError
from agent.events import Start
from agent.machine import Machine
from agent.options import parse
from agent.runner import Runner, wall_clock
from tests.agent.aws.conftest import StartAws
from tests.agent.aws.endpoint import HOST, Endpoint
from tests.agent.processes import Device

CREATE = "$aws/certificates/create-from-csr/json"
REGISTER = "$aws/provisioning-templates/coldchain-vans/provision/json"
DUE = ("--renew-before-days", "30")
"""The endpoint's certificates live for nine days: a renewal is due at once."""
Issue = Callable[[str], Path]


@pytest.fixture
def own(tmp_path: Path) -> tuple[str, ...]:
    return ("--claim-template", "coldchain-vans", "--identity", str(tmp_path / "own"))


@pytest.fixture
def enrolled(endpoint: Endpoint, start: StartAws, own: tuple[str, ...], issue: Issue) -> Path:
    """A device that has enrolled, and is stopped; its claim, whose files are gone."""
    claim = issue("claim-q4")
    device = start(*own, shown=claim)
    device.wait("reported")
    assert device.stop() == 0
    (claim / "key.pem").unlink()
    return claim


def _keys(endpoint: Endpoint) -> list[object]:
    requests = [body["certificateSigningRequest"] for topic, body in endpoint.told if topic == CREATE]
    return [x509.load_pem_x509_csr(it.encode()).public_key() for it in requests]


def _names(tmp_path: Path) -> list[str]:
    return sorted(it.name for it in (tmp_path / "own").iterdir())


def _renewed(device: Device) -> None:
    device.wait("reported")
    told = [it for it in device.events() if it not in ("retrying", "renewal-failed")]
    begun = ["starting", "resuming", "renewing", "certificate-issued", "connected", "twin", "reported"]
    assert told == begun


def test_it_is_renewed_with_the_certificate_in_use_and_the_claim_is_not_opened(
    endpoint: Endpoint, start: StartAws, own: tuple[str, ...], enrolled: Path, tmp_path: Path
) -> None:
    device = start(*own, *DUE, shown=enrolled)
    _renewed(device)
    first, second = _keys(endpoint)
    assert first != second
    assert endpoint.asked[REGISTER] == 2
    assert endpoint.subjects == ["CN=claim-q4,O=coldchain", *["own"] * (len(endpoint.subjects) - 1)]
    device.wait_until(lambda: _names(tmp_path) == ["0000000002"])
    assert endpoint.reported["certificate"]["validUntil"] == device.wait("certificate-issued")["until"]
    assert device.stop() == 0


def test_one_that_is_refused_leaves_the_device_with_what_it_has(
    endpoint: Endpoint, start: StartAws, own: tuple[str, ...], enrolled: Path, tmp_path: Path
) -> None:
    answer = {"statusCode": 403, "errorCode": "AccessDenied", "errorMessage": "not for renewals"}
    endpoint.refusals[REGISTER] = answer
    device = start(*own, *DUE, shown=enrolled)
    failed = device.wait("renewal-failed")
    assert failed["refused"]
    assert "not for renewals" in failed["reason"]
    device.wait("reported")
    assert "certificate-issued" not in device.events()
    assert "0000000001" in _names(tmp_path)
    assert device.stop() == 0


def test_a_policy_that_does_not_let_it_renew_is_no_end(
    endpoint: Endpoint, start: StartAws, own: tuple[str, ...], enrolled: Path
) -> None:
    endpoint.ends.add(CREATE)
    device = start(*own, *DUE, shown=enrolled)
    assert not device.wait("renewal-failed")["refused"], "it may have been the network"
    device.wait("reported")
    assert device.stop() == 0


def test_killed_in_the_middle_of_a_renewal(
    endpoint: Endpoint, start: StartAws, own: tuple[str, ...], enrolled: Path, tmp_path: Path
) -> None:
    endpoint.silent.add(REGISTER)
    device = start(*own, *DUE, shown=enrolled)
    device.wait_until(lambda: endpoint.asked[REGISTER] == 2)
    device.kill()
    endpoint.silent.clear()
    again = start(*own, *DUE, shown=enrolled)
    _renewed(again)
    assert endpoint.asked[CREATE] == 2, "the certificate that was made is registered, none is asked for anew"
    again.wait_until(lambda: _names(tmp_path) == ["0000000002"])
    assert again.stop() == 0


def _cloud(tmp_path: Path, issue: Issue, *more: str, moved: timedelta = timedelta()) -> AwsCloud:
    folder = issue("van-1")
    files = ["--certificate", str(folder / "leaf.pem"), "--key", str(folder / "key.pem")]
    options = parse(["--registration-id", "van-1", "--endpoint", HOST, *files, *more], {})
    assert options.aws is not None
    return AwsCloud(options, options.aws, lambda: wall_clock() + moved)


@pytest.mark.parametrize("more", [(), ("--just-in-time",)])
def test_a_certificate_of_the_factory_is_not_the_devices_to_renew(
    tmp_path: Path, issue: Issue, more: tuple[str, ...]
) -> None:
    cloud = _cloud(tmp_path, issue, *more)
    assert cloud.provisioning().enrol().certificate is None, "so no renewal is ever due"
    renewal = cloud.renewal()
    assert isinstance(renewal, NoRenewal)
    with pytest.raises(RefusedError, match="not renewed by the device"):
        renewal.enrol()


def test_one_that_has_ended_is_for_a_person(
    endpoint: Endpoint, own: tuple[str, ...], enrolled: Path, tmp_path: Path, issue: Issue
) -> None:
    cloud = _cloud(tmp_path, issue, *own, moved=timedelta(days=10))
    renewal = cloud.renewal()
    assert type(renewal) is ClaimProvisioning
    with pytest.raises(RefusedError, match=r"has ended .*a claim is for the first contact alone"):
        renewal.enrol()
    assert endpoint.asked[CREATE] == 1


def test_one_that_is_given_up_asks_for_nothing_more(
    endpoint: Endpoint, own: tuple[str, ...], enrolled: Path, tmp_path: Path, issue: Issue
) -> None:
    renewal = _cloud(tmp_path, issue, *own).renewal()
    assert isinstance(renewal, ClaimRenewal)
    renewal.close()
    with pytest.raises(UnavailableError, match="given up"):
        renewal.enrol()
    assert endpoint.asked[CREATE] == 1


@pytest.mark.parametrize("before", [None, timedelta(days=36_500), timedelta(seconds=1)])
def test_a_certificate_until_2049_or_for_ever_is_waited_for(before: timedelta | None) -> None:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    ends = (datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC))
    for until in ends:
        machine = Machine(0, lambda: 0.5, before, enrols_once=True)
        held = Assignment(HOST, "van-1", Validity(now, until))
        (alarm,) = [it for it in machine.handle(Start(held), 0.0) if isinstance(it, SetAlarm)]
        assert alarm.at < until
        runner = Runner(machine, None, None, lambda: now)  # type: ignore[arg-type]  # neither is asked
        runner._carry_out(alarm)
        waited = runner._longest_wait(None)
        assert waited is not None
        assert 0 <= waited <= 30
