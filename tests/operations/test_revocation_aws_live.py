"""`muster revocation reconcile` on AWS, against the local cloud, with devices on the official SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from cli.main import main
from components.aws.functions.registration import edge
from components.aws.functions.registration.decision import Settings
from operations.aws import AwsCloud
from operations.errors import RefusedError
from provider.clients.aws import Aws
from tests.localcloud.aws.live.conftest import Cloud, Identity
from tests.operations.conftest import Authority

ACCOUNT, KIND = "111122223333", "coldchain-reefers"
TABLE = "coldchain-prod-reefers-revoked"
STACK = """\
config:
  aws:region: eu-west-1
  muster:fleet:
    name: coldchain
    clouds: [aws]
    aws: {account: "111122223333"}
    identity: {root: certs/root.pem, issuers: {oslo: certs/oslo.pem}}
    groups:
      reefers: {attestation: {x509: {issuer: oslo}}}
"""
RECONCILE = ("revocation", "reconcile", "-s", "prod", "--crl", "oslo.crl", "--certificates", "issued")


class Fleet:
    """What `pulumi up` leaves of a group with just-in-time registration, and its project."""

    def __init__(self, cloud: Cloud, project: Path, oslo: Authority, root: Authority) -> None:
        self.cloud, self.project, self.oslo = cloud, project, oslo
        for folder in ("stacks", "certs", "issued"):
            (project / folder).mkdir()
        (project / "Pulumi.yaml").write_text("name: tiny\nruntime: python\n")
        (project / "stacks" / "Pulumi.prod.yaml").write_text(STACK)
        (project / "certs" / "oslo.pem").write_bytes(oslo.certificate.public_bytes(Encoding.PEM))
        (project / "certs" / "root.pem").write_bytes(root.certificate.public_bytes(Encoding.PEM))
        iot = cloud.client("iot")
        made = iot.register_ca_certificate(
            caCertificate=oslo.certificate.public_bytes(Encoding.PEM).decode(),
            certificateMode="SNI_ONLY",
            setAsActive=True,
            allowAutoRegistration=True,
        )
        self.authority = made["certificateId"]
        iot.create_thing_type(thingTypeName=KIND)
        iot.create_thing_group(thingGroupName=KIND)
        allowed = {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}
        iot.create_policy(
            policyName=KIND, policyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        )
        cloud.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "serial", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "serial", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def device(self, name: str) -> Identity:
        """A device's certificate and key; the certificate is among those issued."""
        issuer = cast("Identity", SimpleNamespace(made=self.oslo.certificate, secret=self.oslo.key))
        identity = Identity(self.project / "issued", name, issuer)
        identity.key.rename(self.project / f"{name}.key")
        identity.key = self.project / f"{name}.key"
        return identity

    def connecting(self, name: str, identity: Identity) -> Any:
        return self.cloud.device(
            "mqtt5", name=name, certificate=str(identity.certificate), key=str(identity.key)
        )

    def crl(self, *listed: Identity, number: int, more: tuple[int, ...] = ()) -> None:
        serials = [*(each.made.serial_number for each in listed), *more]
        made = self.oslo.crl(serials, number=number, reason="keyCompromise")
        (self.project / "oslo.crl").write_bytes(made.public_bytes(Encoding.PEM))

    def registered(self, identity: Identity) -> dict[str, Any]:
        """What the function of just-in-time registration says to a device that came."""
        iot, data, dynamodb = (self.cloud.client(each) for each in ("iot", "iot-data", "dynamodb"))
        clients = edge.Clients(iot, data, dynamodb, TABLE)
        settings = Settings(frozenset({self.authority}), "any", KIND, KIND, (KIND,), {}, {})
        return edge.register({"certificateId": _id(identity)}, settings, clients, datetime.now(UTC))

    def status(self, identity: Identity) -> str:
        found = self.cloud.client("iot").describe_certificate(certificateId=_id(identity))
        return str(found["certificateDescription"]["status"])


def _id(identity: Identity) -> str:
    return identity.made.fingerprint(hashes.SHA256()).hex()


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    started = Cloud(tmp_path_factory.mktemp("cloud"))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def made(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory, oslo: Authority, bergen: Authority) -> Fleet:
    return Fleet(cloud, tmp_path_factory.mktemp("project"), oslo, bergen)


@pytest.fixture
def fleet(made: Fleet, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    monkeypatch.chdir(made.project)
    for name in ("AWS_PROFILE", "MUSTER_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in _variables(made.cloud).items():
        monkeypatch.setenv(name, value)
    return made


def _variables(cloud: Cloud) -> dict[str, str]:
    return {**cloud.keys, "MUSTER_PROXY": cloud.proxy, "MUSTER_CA_FILE": str(cloud.trust)}


def run(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(main, list(words))
    assert done.exit_code == code, done.output
    return done


@pytest.mark.xdist_group("operations-aws-live")
def test_a_listed_device_stays_outside_and_one_inside_is_cut_off(fleet: Fleet) -> None:
    outside, inside = fleet.device("reefer-1"), fleet.device("reefer-2")
    for name, each in (("reefer-1", outside), ("reefer-2", inside)):
        with fleet.connecting(name, each) as device:
            assert device.hear() != {"connack": 0}
        assert fleet.status(each) == "PENDING_ACTIVATION"
    assert fleet.registered(inside)["activated"] is True

    fleet.crl(outside, inside, number=1)
    with fleet.connecting("reefer-2", inside) as device:
        assert device.hear() == {"connack": 0}
        planned = json.loads(run(*RECONCILE, "--up-to-percent", "100", "--plan", "--json").stdout)
        assert (fleet.status(inside), _items(fleet)) == ("ACTIVE", set()), "a plan changes nothing"
        done = json.loads(run(*RECONCILE, "--up-to-percent", "100", "--json").stdout)
        assert done == planned
        assert device.hear() == {"disconnected": 0x98}
    assert {each["registrationId"] for each in done["aws"]["shutOut"]} == {"reefer-1", "reefer-2"}
    assert done["aws"]["filled"] == [{"group": "reefers", "table": TABLE, "serials": 2}]
    assert fleet.status(inside) == fleet.status(outside) == "INACTIVE"
    with fleet.connecting("reefer-2", inside) as device:
        assert device.hear() != {"connack": 0}
    assert "0 shut out, 2 shut out already" in run(*RECONCILE).stdout


@pytest.mark.xdist_group("operations-aws-live")
def test_one_that_comes_after_its_revocation_is_refused(fleet: Fleet) -> None:
    late = fleet.device("reefer-3")
    fleet.crl(late, number=2)
    text = run(*RECONCILE).stdout
    assert "1 not in AWS IoT" in text
    with fleet.connecting("reefer-3", late) as device:
        assert device.hear() != {"connack": 0}
    told = fleet.registered(late)
    assert (told["activated"], told["reason"]) == (False, "it is revoked")
    assert fleet.status(late) == "PENDING_ACTIVATION"
    run(*RECONCILE)
    assert fleet.status(late) == "INACTIVE"


@pytest.mark.xdist_group("operations-aws-live")
def test_a_large_list_goes_in_by_portions_once(fleet: Fleet) -> None:
    fleet.crl(number=3, more=tuple(range(1 << 64, (1 << 64) + 230)))
    before = len(_items(fleet))
    assert "230 serials went into" in run(*RECONCILE, code=3).stdout, "none is of a device that is known"
    assert len(_items(fleet)) == before + 230
    assert "went into" not in run(*RECONCILE, code=3).stdout
    record = (fleet.project / ".muster" / "prod" / "operations.jsonl").read_text().splitlines()
    lines = [json.loads(line) for line in record]
    assert {each["service"] for each in lines} == {f"aws {ACCOUNT} eu-west-1"}
    assert lines[-3]["facts"]["serials"] == 230


@pytest.mark.xdist_group("operations-aws-live")
def test_an_older_list_and_other_commands_are_refused_in_words(fleet: Fleet) -> None:
    fleet.crl(number=30)
    run(*RECONCILE)
    fleet.crl(number=1)
    assert "oslo.crl" in run(*RECONCILE, code=1).stderr
    why = ("--reason", "stolen", "-s", "prod")
    assert "is not on Azure" in run("device", "disable", "reefer-1", *why, code=1).stderr


@pytest.mark.xdist_group("operations-aws-live")
def test_a_table_that_is_not_there_is_told(fleet: Fleet) -> None:
    cloud = AwsCloud(Aws(_variables(fleet.cloud), "eu-west-1"), "eu-west-1", ACCOUNT)
    with pytest.raises(RefusedError, match="has `pulumi up` run"):
        cloud.missing("coldchain-prod-gone-revoked", ["1"])


@pytest.mark.xdist_group("operations-aws-live")
def test_things_are_counted_by_their_types(fleet: Fleet) -> None:
    cloud = AwsCloud(Aws(_variables(fleet.cloud), "eu-west-1"), "eu-west-1", ACCOUNT)
    before = cloud.things([KIND], 1000)
    fleet.cloud.client("iot").create_thing(thingName="counted-1", thingTypeName=KIND)
    assert cloud.things([KIND], 1000) == before + 1
    assert cloud.things(["of-nobody", KIND], 1000) == before + 1


def _items(fleet: Fleet) -> set[str]:
    pages = fleet.cloud.client("dynamodb").get_paginator("scan").paginate(TableName=TABLE)
    return {item["serial"]["S"] for page in pages for item in page["Items"]}
