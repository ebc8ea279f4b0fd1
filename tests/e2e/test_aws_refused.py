"""Every refusal that a genuine device can meet on AWS: it is told, and nothing is left of it.

The tests stand in the order in which they can be run: the last ones break the hook, and move the clock.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from certs import authority
from certs.issue import issue_device
from certs.store import KeyStore
from provider.clients.aws import Client
from tests.e2e.aws_fleet import AwsFleet, Told
from tests.e2e.identities import Files
from tests.localcloud.control.client import Control

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("aws-fleet"), pytest.mark.timeout(600)]

REFUSED = 3
BY_THE_HOOK = ("403 AccessDenied", "does not allow the provisioning")
LATER_DAYS = 100


def refused(told: Told, *words: str) -> None:
    """It gave up, with these words."""
    assert told.code == REFUSED, told.text
    assert all(word in told.reason() for word in words), told.reason()


def is_there(iot: Client, thing: str) -> bool:
    return iot.find("describe_thing", thingName=thing) is not None


def test_a_certificate_that_nobody_knows(aws_fleet: AwsFleet, tmp_path: Path) -> None:
    passphrase = b"a passphrase for tests"
    issuer = authority.init(tmp_path / "rogue", "coldchain", ["registration"], passphrase).issuers[
        "registration"
    ]
    signer = KeyStore(tmp_path / "rogue" / "keys", passphrase).signer_for(issuer)
    issue_device(signer, issuer, "reefer-rogue", 30).write(tmp_path / "device")
    files = Files(tmp_path / "device" / "leaf.pem", tmp_path / "device" / "key.pem")
    refused(aws_fleet.device("reefer-rogue", files, "--just-in-time"), "not active or not known")
    assert not is_there(aws_fleet.iot(), "reefer-rogue")


def test_a_certificate_of_an_issuer_whose_devices_need_a_claim(aws_fleet: AwsFleet) -> None:
    """The issuer's CA is not registered: its devices are let in by claim alone."""
    refused(aws_fleet.device("van-eager", aws_fleet.certified("van-eager", "claiming"), "--just-in-time"))
    assert not is_there(aws_fleet.iot(), "van-eager")


def test_a_certificate_that_was_made_inactive(aws_fleet: AwsFleet) -> None:
    files = aws_fleet.certified("reefer-off", "registration")
    assert aws_fleet.device("reefer-off", files, "--just-in-time").is_up
    iot = aws_fleet.iot()
    (principal,) = iot.call("list_thing_principals", thingName="reefer-off")["principals"]
    certificate = principal.rpartition("/")[2]
    iot.call("update_certificate", certificateId=certificate, newStatus="INACTIVE")
    refused(aws_fleet.device("reefer-off", files), "not active or not known")
    iot.call("update_certificate", certificateId=certificate, newStatus="ACTIVE")
    assert aws_fleet.device("reefer-off", files).is_up


def test_the_certificate_of_another_thing(aws_fleet: AwsFleet) -> None:
    folder = aws_fleet.workspace.state / "devices" / "reefer-aws-0001"
    files = Files(folder / "leaf.pem", folder / "key.pem")
    refused(aws_fleet.device("truck-aws-0001", files), "does not allow this client id")


def test_a_claim_is_not_good_for_another_template(aws_fleet: AwsFleet) -> None:
    refused(aws_fleet.by_claim("crate-crossed", "vans", "crates"), "provisioning template")
    assert not is_there(aws_fleet.iot(), "crate-crossed")


def test_a_claim_proves_no_name_that_somebody_has(aws_fleet: AwsFleet) -> None:
    refused(aws_fleet.by_claim("truck-aws-0001", "vans", "vans"), *BY_THE_HOOK)
    assert "another kind of thing" in aws_fleet.hook_said("vans", "truck-aws-0001")
    (principal,) = aws_fleet.iot().call("list_thing_principals", thingName="truck-aws-0001")["principals"]
    assert principal.endswith(aws_fleet.certificate_id("truck-aws-0001"))


def test_a_device_that_is_not_in_the_registry(aws_fleet: AwsFleet) -> None:
    refused(aws_fleet.by_claim("crate-unlisted", "crates", "crates"), *BY_THE_HOOK)
    assert "not in the registry" in aws_fleet.hook_said("crates", "crate-unlisted")
    assert not is_there(aws_fleet.iot(), "crate-unlisted")


def test_a_claim_beyond_its_limit(aws_fleet: AwsFleet) -> None:
    """It is two, and `muster up` has brought up one device with it."""
    told = aws_fleet.by_claim("van-second", "vans", "vans")
    assert told.is_up, told.text
    refused(aws_fleet.by_claim("van-third", "vans", "vans"), *BY_THE_HOOK)
    assert "has registered its 2 devices" in aws_fleet.hook_said("vans", "van-third")
    assert not is_there(aws_fleet.iot(), "van-third")


def test_a_hook_that_does_not_answer_in_time_lets_nobody_in(aws_fleet: AwsFleet) -> None:
    iot = aws_fleet.iot()
    iot.call("create_thing", thingName="crate-late", thingTypeName="coldchain-crates")
    aws_fleet.break_hook("crates")
    refused(aws_fleet.by_claim("crate-late", "crates", "crates"), "AccessDenied", "within 5 seconds")
    assert iot.call("list_thing_principals", thingName="crate-late")["principals"] == []


def test_a_claim_whose_time_is_over(aws_fleet: AwsFleet) -> None:
    with Control(aws_fleet.workspace.state / "cloud") as control:
        control.advance(LATER_DAYS * 86_400)
    refused(aws_fleet.by_claim("van-late", "vans", "vans"), "not active or not known")
