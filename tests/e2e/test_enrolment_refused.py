"""Every refusal that a genuine device can meet: it is told, and counted by its reason."""

from __future__ import annotations

import base64
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from bench.cloud import Cloud
from provider.clients.hub_service import API_VERSION, HUB_SCOPE
from tests.e2e import identities
from tests.e2e.tpm_device import TpmDevice
from tests.e2e.whole_fleet import Told, WholeFleet
from tests.localcloud.control.client import Control, Fault

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("fleet"), pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Refused:
    """What the devices were told, and how often each reason was counted; None where nobody counts."""

    told: dict[str, Told]
    counted: Counter[str] | None


def _key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


def _stranger(fleet: WholeFleet) -> Told:
    rogue = identities.authority("rogue")
    return fleet.files("stranger", identities.leaf("stranger", rogue), rogue).task()


def _other_of_own(fleet: WholeFleet) -> Told:
    return fleet.files("other", identities.leaf("own-1", None)).task()


def _self_signed(fleet: WholeFleet) -> Told:
    return fleet.files("lonely", identities.leaf("lonely", None)).task()


#: By the reason that the local cloud counts: the device's name, and what it shows.
CASES: dict[str, tuple[str, Callable[[WholeFleet], Told]]] = {
    "wrong-id-scope": ("lost", lambda it: {**it.certified("lost", "keep"), "scope": "0ne99999999"}),
    "unknown-authority": ("stranger", _stranger),
    "self-signed": ("lonely", _self_signed),
    "not-enrolled": ("idle-1", lambda it: it.certified("idle-1", "idle")),
    "disabled": ("closed-1", lambda it: it.certified("closed-1", "closed")),
    "expired": ("old-1", lambda it: it.certified("old-1", "keep", days=(-30, -1))),
    "not-yet-valid": ("young-1", lambda it: it.certified("young-1", "keep", days=(1, 30))),
    "no-client-auth": (
        "server-1",
        lambda it: it.certified("server-1", "keep", usage=ExtendedKeyUsageOID.SERVER_AUTH),
    ),
    "cn-mismatch": ("somebody", lambda it: {**it.certified("nobody", "keep"), "name": "somebody"}),
    "thumbprint-mismatch": ("own-1", _other_of_own),
    "attestation-mismatch": ("keyed-1", lambda it: it.certified("keyed-1", "keep")),
    "bad-signature": ("keyed-1", lambda _: {"name": "keyed-1", "key": _key()}),
}


@pytest.fixture(scope="module")
def refused(fleet: WholeFleet) -> Refused:
    """All of them, one after the other."""
    before = fleet.place.counters()
    tasks = [{"name": name, **show(fleet), "as": reason} for reason, (name, show) in CASES.items()]
    told = fleet.enrol(tasks, at_once=1)
    after = fleet.place.counters()
    return Refused(told, None if before is None or after is None else _by_reason(after) - _by_reason(before))


def _by_reason(counters: dict[str, int]) -> Counter[str]:
    found: Counter[str] = Counter()
    for key, count in counters.items():
        found[key.rpartition("/")[2]] += count
    return found


@pytest.mark.parametrize("reason", CASES)
def test_a_device_that_may_not_come_is_told_and_counted(refused: Refused, reason: str) -> None:
    told = refused.told[reason]
    assert "hub" not in told
    words = "403" if reason == "disabled" else "CredentialError"
    assert words in f"{told['error']} {told['words']}", told
    assert refused.counted is None or refused.counted[reason] >= 1


def test_another_tpm_is_refused(fleet: WholeFleet) -> None:
    before = fleet.place.counters()
    answer = TpmDevice("tpm-1").register(fleet.place.reach(), fleet.id_scope)
    assert answer.status_code == 401, answer.text
    assert "authenticationKey" not in answer.text
    after = fleet.place.counters()
    if before is not None and after is not None:
        assert (_by_reason(after) - _by_reason(before))["endorsement-key-mismatch"] == 1


def test_a_webhook_that_answers_late_fails_the_registration(fleet: WholeFleet, control: Control) -> None:
    control.set_faults(Fault(surface="https", host="*.azurewebsites.net", action="delay", delay_seconds=8))
    told = fleet.enrol([{**fleet.certified("late-1", "chosen"), "payload": {"hub": "eu-1"}}])["late-1"]
    assert "hub" not in told, told
    assert _by_reason(control.counters())["allocation-failed"] >= 1


def test_a_full_hub_takes_no_device_and_one_that_goes_makes_room(fleet: WholeFleet, cloud: Cloud) -> None:
    """A free hub holds 500 identities ("IoT Hub quotas and throttling")."""
    hub = fleet.hubs["tiny"]
    rest = cloud.rest(hub, HUB_SCOPE)
    for start in range(0, 500, 100):
        filling: Any = [{"id": f"filler-{start + number}", "importMode": "create"} for number in range(100)]
        done = rest.call("POST", "/devices", params={"api-version": API_VERSION}, body=filling)
        assert done.json()["isSuccessful"], done.text
    task = {**fleet.certified("full-1", "full"), "reported": {}}
    told = fleet.enrol([task])["full-1"]
    assert "hub" not in told, told
    cloud.azure.hub(hub).delete("/devices/filler-0")
    assert fleet.enrol([task])["full-1"].get("hub") == hub
