"""Who is not let in: each with its own reason, logged and counted, and CONNACK 5 or an error answer."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

DPS = "global.azure-devices-provisioning.net"
NAME = "pump-1"
SERVER_ONLY = (ExtendedKeyUsageOID.SERVER_AUTH,)

# reason: what the device presents, leaf first, from (pki, world).
PRESENTED: dict[str, Callable[[Any, Any], Any]] = {
    "no-certificate": lambda _, __: [],
    "self-signed": lambda pki, _: [pki.leaf(NAME, None)],
    "unknown-authority": lambda pki, _: [pki.leaf(NAME, rogue := pki.authority("root")), rogue],
    "other-fleet": lambda pki, world: [pki.leaf(NAME, world.elsewhere), world.elsewhere],
    "not-enrolled": lambda pki, world: [pki.leaf(NAME, other := pki.authority("f2", world.root)), other],
    "expired": lambda pki, world: [pki.leaf(NAME, world.factory, from_days=-9, to_days=-1), world.factory],
    "not-yet-valid": lambda pki, world: [pki.leaf(NAME, world.factory, from_days=1), world.factory],
    "cn-mismatch": lambda pki, world: [pki.leaf("pump-2", world.factory), world.factory],
    "no-client-auth": lambda pki, world: [pki.leaf(NAME, world.factory, usages=SERVER_ONLY), world.factory],
    "invalid-chain": lambda pki, world: [pki.leaf(NAME, leaf := pki.leaf("x", world.factory)), leaf],
}


@pytest.fixture
def guarded(cloud: Any) -> Any:
    """A running cloud with a second fleet, and a disabled group."""
    world = cloud.world
    world.elsewhere = world.pki.authority("elsewhere")
    world.verify("other", "root", world.elsewhere)
    world.closed = world.pki.authority("closed", world.root)
    world.group("closed", signing=world.closed, provisioningStatus="disabled")
    cloud.start()
    return cloud


def _login(cloud: Any, holders: list[Any], name: str = NAME, scope: str = "0ne00000001") -> int:
    identity = cloud.identity(*holders) if holders else None
    with cloud.connect(DPS, identity) as device:
        code: int = device.login(name, f"{scope}/registrations/{name}/api-version=2021-10-01")[1]
        if code:
            assert device.is_closed()
        return code


def _refused(cloud: Any, reason: str) -> list[Any]:
    return [
        line for line in cloud.log() if line["event"] == "registration refused" and line["reason"] == reason
    ]


def test_every_certificate_refusal(guarded: Any) -> None:
    world = guarded.world
    for reason, presented in PRESENTED.items():
        assert _login(guarded, presented(world.pki, world)) == 5, reason
        line = _refused(guarded, reason)[0]
        assert (line["registrationId"], line["dps"], line["level"]) == (NAME, "fleet", "warning"), reason
    guarded.stop()
    for reason in PRESENTED:
        assert world.store.get("counter", f"fleet/{reason}") == {"count": 1}, reason


def test_refusals_by_name(guarded: Any) -> None:
    world = guarded.world
    good = [world.pki.leaf(NAME, world.factory), world.factory]
    assert _login(guarded, good, scope="0ne99999999") == 5
    assert _refused(guarded, "wrong-id-scope")[0]["dps"] == "-"
    for name in ("-pump", "pump.", "pu mp", "p" * 129, ""):
        holders = [world.pki.leaf(name[:64] or "x", world.factory), world.factory]
        assert _login(guarded, holders, name=name) == 5
    assert len(_refused(guarded, "malformed-registration-id")) == 5
    assert _login(guarded, good) == 0


def test_disabled_group_is_an_answer(guarded: Any) -> None:
    world = guarded.world
    identity = guarded.identity(world.pki.leaf(NAME, world.closed), world.closed)
    with guarded.connect(DPS, identity) as device:
        assert device.login(NAME, f"0ne00000001/registrations/{NAME}/api-version=2021-10-01") == (0, 0)
        device.subscribe("$dps/registrations/res/#")
        topic, body = device.ask("$dps/registrations/PUT/iotdps-register/?$rid=1", b"{}")
        assert topic == "$dps/registrations/res/403/?$rid=1"
        assert {"errorCode", "trackingId", "message", "timestampUtc"} == set(json.loads(body))
        assert device.ask("$dps/registrations/PUT/iotdps-register/?$rid=2", b"{")[0].endswith("/400/?$rid=2")
        other = json.dumps({"registrationId": "pump-2"}).encode()
        assert device.ask("$dps/registrations/PUT/iotdps-register/?$rid=3", other)[0].endswith("/400/?$rid=3")
        poll = "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=4&operationId=4.x"
        assert device.ask(poll)[0].endswith("/404/?$rid=4")
    assert len(_refused(guarded, "disabled")) == 1


def test_hub_refusals(guarded: Any) -> None:
    world, hub = guarded.world, "hub-a.azure-devices.net"
    good, other = (world.pki.leaf(NAME, world.factory) for _ in range(2))
    chain = [good.certificate, world.factory.certificate]
    placed = world.provisioning.register("fleet", NAME, chain)
    elsewhere = ({"hub-a.azure-devices.net", "hub-b.azure-devices.net"} - {placed.hub_host}).pop()
    identity = guarded.identity(good, world.factory)
    cases = [
        ("unknown-hub", "nowhere.azure-devices.net", NAME, NAME, identity),
        ("unknown-device", elsewhere, NAME, NAME, identity),
        ("client-id-mismatch", placed.hub_host, NAME, "pump-2", identity),
        ("thumbprint-mismatch", placed.hub_host, NAME, NAME, guarded.identity(other, world.factory)),
        ("no-certificate", placed.hub_host, NAME, NAME, None),
    ]
    for reason, host, device_id, client_id, files in cases:
        with guarded.connect(hub, files) as device:
            assert device.login(client_id, f"{host}/{device_id}/?api-version=2019-10-01") == (0, 5), reason
        assert [it for it in guarded.log() if it["event"] == "connection refused" and it["reason"] == reason]
    with guarded.connect(placed.hub_host, identity) as device:
        assert device.login(NAME, f"{placed.hub_host}/{NAME}/?api-version=2019-10-01") == (0, 0)
    while world.hubs.get_device(placed.hub_host, NAME)["lastActivityTime"].startswith("0001"):
        time.sleep(0.05)  # the server notes the end of the connection: it must not write over what comes now
    world.hubs.update_device(placed.hub_host, NAME, {"status": "disabled"})
    with guarded.connect(placed.hub_host, identity) as device:
        assert device.login(NAME, f"{placed.hub_host}/{NAME}/?api-version=2019-10-01") == (0, 5)
