"""One device process against an endpoint that misbehaves on purpose: every way in, kills, refusals."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509

from agent import VERSION
from certs import authority
from certs.issue import issue_device
from certs.store import KeyStore
from tests.agent.aws.conftest import StartAws as Start
from tests.agent.aws.endpoint import HOST, TOKEN, Endpoint

CREATE = "$aws/certificates/create-from-csr/json"
REGISTER = "$aws/provisioning-templates/coldchain-vans/provision/json"
CLAIM = ("--claim-template", "coldchain-vans", "--parameter", "Line=7")
Issue = Callable[[str], Path]


def own(tmp_path: Path) -> tuple[str, ...]:
    return (*CLAIM, "--identity", str(tmp_path / "own"))


def test_a_registered_device_and_its_shadow(endpoint: Endpoint, start: Start) -> None:
    endpoint.desired = {"intervalSeconds": 1, "colour": "red"}
    device = start("--topics", "coldchain/vans")
    device.wait("reported")
    assert device.events() == ["starting", "assigned", "connected", "twin", "reported"]
    assert device.wait("assigned")["hub"] == HOST
    assert endpoint.reported["intervalSeconds"] == 1
    assert endpoint.reported["agent"] == {"version": VERSION}
    device.wait_until(lambda: endpoint.asked["dt/coldchain/vans/van-1/telemetry"] >= 1)

    endpoint.change({"intervalSeconds": 50})
    device.wait("reported", 2)
    assert device.events()[-2:] == ["desired-changed", "reported"]
    endpoint.change({})
    device.wait("reported", 3)
    assert endpoint.reported["intervalSeconds"] == 60
    assert endpoint.asked["$aws/things/van-1/shadow/get"] == 1
    assert device.stop() == 0
    assert device.events()[-1] == "stopped"
    assert endpoint.subjects == ["CN=van-1,O=coldchain"]


def test_port_443_by_alpn(endpoint: Endpoint, start: Start) -> None:
    start("--port", "443").wait("reported")
    assert endpoint.alpn == {"x-amzn-mqtt-ca"}


def test_a_connection_that_breaks_comes_back(endpoint: Endpoint, start: Start) -> None:
    device = start()
    device.wait("reported")
    endpoint.end_connections()
    device.wait("disconnected")
    device.wait("reported", 2)
    assert device.events().count("assigned") == 1
    assert "refused" not in device.events()


def test_a_certificate_that_is_registered_just_in_time_comes_again(endpoint: Endpoint, start: Start) -> None:
    endpoint.turned_away = 4
    device = start("--just-in-time")
    device.wait("reported")
    assert device.events().count("retrying") == 4
    assert "refused" not in device.events()


def test_an_endpoint_that_ends_every_connection_refuses(endpoint: Endpoint, start: Start) -> None:
    endpoint.turned_away = -1
    device = start("--attempts", "1")
    assert device.ended() == 3
    assert device.events() == ["starting", "assigned", "retrying", "retrying", "refused"]
    assert "not active" in device.wait("refused")["reason"]
    assert len(endpoint.subjects) == 3


def test_a_certificate_that_nobody_knows(endpoint: Endpoint, start: Start, tmp_path: Path) -> None:
    """Turned away in the handshake."""
    passphrase = b"a passphrase for tests"
    issuer = authority.init(tmp_path / "rogue", "rogue", ["rogue"], passphrase).issuers["rogue"]
    signer = KeyStore(tmp_path / "rogue" / "keys", passphrase).signer_for(issuer)
    issue_device(signer, issuer, "van-1", 30).write(tmp_path / "stranger")
    device = start("--attempts", "1", shown=tmp_path / "stranger")
    assert device.ended() == 3
    assert endpoint.subjects == []


def test_without_a_shadow_the_device_has_its_defaults(endpoint: Endpoint, start: Start) -> None:
    endpoint.refusals["$aws/things/van-1/shadow/get"] = {"code": 404, "message": "No shadow exists"}
    device = start()
    assert device.wait("reported")["version"] == 0
    assert endpoint.reported["intervalSeconds"] == 60


def test_a_report_that_is_refused_is_told(endpoint: Endpoint, start: Start) -> None:
    endpoint.refusals["$aws/things/van-1/shadow/update"] = {"code": 413, "message": "too large"}
    assert "too large" in start().wait("disconnected")["reason"]


def test_a_claim_is_for_the_first_contact_alone(
    endpoint: Endpoint, start: Start, tmp_path: Path, issue: Issue
) -> None:
    claim = issue("claim-q4")
    device = start(*own(tmp_path), shown=claim)
    device.wait("reported")
    events = ["starting", "assigned", "certificate-issued", "connected", "twin", "reported"]
    assert device.events() == events
    assert endpoint.subjects == ["CN=claim-q4,O=coldchain", "own"]
    told = dict(endpoint.told)
    assert told[REGISTER]["parameters"] == {"SerialNumber": "van-1", "Line": "7"}
    assert told[REGISTER]["certificateOwnershipToken"] == TOKEN
    assert x509.load_pem_x509_csr(told[CREATE]["certificateSigningRequest"].encode()).is_signature_valid
    device.stop()
    files = [file for file in (tmp_path / "own").rglob("*") if file.is_file()]
    assert sorted(file.name for file in files) == ["assignment.json", "chain.pem", "key.pem"]
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)
    assert TOKEN not in device.text()

    (claim / "key.pem").unlink()
    again = start(*own(tmp_path), shown=claim)
    again.wait("reported")
    assert again.events()[:3] == ["starting", "resuming", "connected"]
    assert endpoint.asked[CREATE] == endpoint.asked[REGISTER] == 1
    assert endpoint.subjects[2:] == ["own"]


def test_a_certificate_of_its_own_that_is_refused_never_falls_back_on_the_claim(
    endpoint: Endpoint, start: Start, tmp_path: Path
) -> None:
    first = start(*own(tmp_path))
    first.wait("reported")
    first.stop()
    endpoint.turned_away = -1
    device = start(*own(tmp_path), "--attempts", "1")
    assert device.ended() == 3
    assert set(endpoint.subjects[1:]) == {"own"}


def test_a_damaged_certificate_of_its_own_does_not_either(
    endpoint: Endpoint, start: Start, tmp_path: Path
) -> None:
    first = start(*own(tmp_path))
    first.wait("reported")
    first.stop()
    (tmp_path / "own" / "0000000001" / "key.pem").write_text("half a k")
    device = start(*own(tmp_path), "--attempts", "1")
    assert device.ended() == 3
    assert "equip it anew" in device.wait("refused")["reason"]
    assert len(endpoint.subjects) == 2


@pytest.mark.parametrize(("at", "made"), [(CREATE, 2), (REGISTER, 1)])
def test_killed_while_it_waits_for_an_answer(
    endpoint: Endpoint, start: Start, tmp_path: Path, at: str, made: int
) -> None:
    endpoint.silent.add(at)
    device = start(*own(tmp_path))
    device.wait_until(lambda: endpoint.asked[at] == 1)
    device.kill()
    endpoint.silent.clear()
    start(*own(tmp_path)).wait("reported")
    assert endpoint.asked[CREATE] == made
    requests = [body["certificateSigningRequest"] for topic, body in endpoint.told if topic == CREATE]
    keys = [x509.load_pem_x509_csr(each.encode()).public_key() for each in requests]
    assert keys == [keys[0]] * made


def test_killed_after_it_was_registered_and_the_token_is_used_up(
    endpoint: Endpoint, start: Start, tmp_path: Path
) -> None:
    endpoint.silent.add(REGISTER)
    device = start(*own(tmp_path))
    device.wait_until(lambda: endpoint.asked[REGISTER] == 1)
    device.kill()
    endpoint.silent.clear()
    endpoint.refusals[REGISTER] = {
        "statusCode": 400,
        "errorCode": "InvalidCertificateOwnershipToken",
        "errorMessage": "used",
    }
    start(*own(tmp_path)).wait("reported")
    assert endpoint.asked[CREATE] == 1
    assert endpoint.subjects[-1] == "own"


def test_a_template_that_says_no_is_told_and_nothing_is_kept(
    endpoint: Endpoint, start: Start, tmp_path: Path
) -> None:
    endpoint.refusals[REGISTER] = {
        "statusCode": 403,
        "errorCode": "AccessDenied",
        "errorMessage": "not on the list",
    }
    device = start(*own(tmp_path), "--attempts", "1")
    assert device.ended() == 3
    assert "not on the list" in device.wait("refused")["reason"]
    assert not list((tmp_path / "own").glob("0*"))
    assert "certificate-issued" not in device.events()
    assert TOKEN not in device.text()


def test_a_claim_for_another_template_is_refused_without_a_word(
    endpoint: Endpoint, start: Start, tmp_path: Path
) -> None:
    endpoint.ends.add(REGISTER)
    device = start(*own(tmp_path), "--attempts", "1")
    assert device.ended() == 3
    assert "does not allow this provisioning template" in device.wait("refused")["reason"]
    assert endpoint.asked[CREATE] == 1


def test_stopped_in_the_middle_of_a_claim(endpoint: Endpoint, start: Start, tmp_path: Path) -> None:
    endpoint.silent.add(CREATE)
    device = start(*own(tmp_path))
    device.wait_until(lambda: endpoint.asked[CREATE] == 1)
    assert device.stop() == 0


def test_no_proxy_is_an_outage(start: Start, endpoint: Endpoint) -> None:
    endpoint.close()
    device = start("--attempts", "1")
    device.wait("retrying", 2)
    assert "refused" not in device.events()
