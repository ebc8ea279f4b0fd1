"""A fleet on both clouds: one reconciliation, planned on both before either is changed."""

from __future__ import annotations

import json

import pytest

import cli.revocation_aws
from cli.revocation_aws import Opened
from operations.revocation_aws import Place, Table
from tests.operations.conftest import Authority, thumbprint
from tests.operations.live import Device, Live
from tests.operations.test_revocation_aws import Account, _key

TABLE = "coldchain-prod-reefers-revoked"
OTHERS = ("--certificates", "issued", "-s", "prod", "--record", "both.jsonl")


@pytest.fixture
def account(bergen: Authority, monkeypatch: pytest.MonkeyPatch) -> Account:
    """The fleet's account, in memory; Azure is the local cloud."""
    made = Account(tables={TABLE: {}})
    table = Table("reefers", TABLE, frozenset({_key(bergen)}))
    opened = Opened(made, Place((table,), ("coldchain-reefers",)))
    monkeypatch.setattr(cli.revocation_aws, "opened", lambda _target, _issuers: opened)
    return made


def _on_both(live: Live, account: Account, name: str, authority: Authority) -> Device:
    device = live.device(name, authority)
    assert live.registers(device)
    account.certificates[thumbprint(device.leaf).lower()] = "ACTIVE"
    return device


@pytest.mark.xdist_group("operations-live")
def test_both_are_done_and_what_is_too_much_for_one_stops_both(
    live: Live, account: Account, bergen: Authority
) -> None:
    one, two = (_on_both(live, account, name, bergen) for name in ("both-1", "both-2"))
    crl = live.crl("both.crl", bergen, one.leaf.serial_number, two.leaf.serial_number, number=100)
    reconcile = ("revocation", "reconcile", "--crl", str(crl), *OTHERS)

    account.number = 3
    told = live.muster(*reconcile, "--up-to-percent", "50", code=1)
    assert "shut out on AWS yet, of 3 things" in told.stderr
    assert live.registers(one)

    account.number = 1000
    told = live.muster(*reconcile, "--up-to-percent", "0.5", code=1)
    assert "in the hubs" in told.stderr, "Azure has fewer"
    assert account.calls == []

    done = json.loads(live.muster(*reconcile, "--up-to-percent", "100", "--json").stdout)
    assert {each["registrationId"] for each in done["disabled"]} == {"both-1", "both-2"}
    assert {each["registrationId"] for each in done["aws"]["shutOut"]} == {"both-1", "both-2"}
    assert not live.registers(one)
    assert set(account.certificates.values()) == {"INACTIVE"}
    assert len(account.tables[TABLE]) == 2


@pytest.mark.xdist_group("operations-live")
def test_a_failure_on_aws_is_the_exit_code(live: Live, account: Account, bergen: Authority) -> None:
    device = _on_both(live, account, "both-3", bergen)
    account.stubborn = thumbprint(device.leaf).lower()
    crl = live.crl("both.crl", bergen, device.leaf.serial_number, number=101)
    told = live.muster("revocation", "reconcile", "--crl", str(crl), *OTHERS, code=1)
    assert "Error: it is gone" in told.stderr
    assert "AWS: 0 shut out, 0 shut out already, 0 not in AWS IoT, 1 failed" in told.stdout
    assert not live.registers(device), "Azure's part is done"
