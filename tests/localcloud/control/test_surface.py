"""The control surface of a running local cloud, over HTTPS and MQTT, through the proxy."""

import http.client
import json
import ssl
import time
from typing import Any

import httpx
import pytest

from .client import Control, Fault

HUB, DPS, GLOBAL = (
    "hub-a.azure-devices.net",
    "fleet.azure-devices-provisioning.net",
    "global.azure-devices-provisioning.net",
)
REGISTER = "$dps/registrations/PUT/iotdps-register/?$rid=1"


def _direct(cloud: Any, **headers: str) -> httpx.Client:
    trust = ssl.create_default_context(cafile=str(cloud.trust))
    base = f"https://127.0.0.1:{cloud.endpoints['https_port']}"
    return httpx.Client(base_url=base, verify=trust, trust_env=False, headers=headers, timeout=10)


def _through(cloud: Any, timeout: float = 10) -> httpx.Client:
    trust = ssl.create_default_context(cafile=str(cloud.trust))
    return httpx.Client(proxy=cloud.endpoints["proxy"], verify=trust, trust_env=False, timeout=timeout)


def _device(cloud: Any, name: str) -> Any:
    return cloud.identity(cloud.world.pki.leaf(name, cloud.world.factory), cloud.world.factory)


def _at_dps(cloud: Any, name: str) -> Any:
    raw = cloud.connect(GLOBAL, _device(cloud, name))
    assert raw.login(name, f"0ne00000001/registrations/{name}/api-version=2019-03-31")[1] == 0
    raw.subscribe("$dps/registrations/res/#")
    return raw


def test_the_clock_moves_and_tells_its_time(control: Control) -> None:
    before = control.now()
    assert control.advance(3600) > before
    assert control.advance(0)[:13] == control.now()[:13]


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("clock", {"advanceSeconds": -1}, "a number of 0 or more"),
        ("clock", {"advanceSeconds": 1e300}, "at most"),
        ("clock", {}, "advanceSeconds must be"),
        ("throttling", {"enabled": "yes"}, "true or false"),
        ("faults", {"faults": "all"}, "a list of objects"),
        ("faults", [], "must be a JSON object"),
    ],
)
def test_bad_bodies_change_nothing(cloud: Any, control: Control, path: str, body: Any, words: str) -> None:
    with _direct(cloud) as http_:
        answer = http_.post(f"/_local/{path}", json=body)
    assert (answer.status_code, words in answer.json()["message"]) == (400, True)
    assert control.hits() == []


def test_only_loopbacks_own_names_and_no_page_in_a_browser(cloud: Any, control: Control) -> None:
    for headers in ({"Host": "example.org"}, {"Host": HUB}, {"Origin": "https://example.org"}):
        with _direct(cloud, **headers) as http_:
            assert http_.post("/_local/clock", json={"advanceSeconds": 60}).status_code in (401, 404)
    assert float(_moved(cloud)) == 0
    tunnel = http.client.HTTPSConnection("127.0.0.1", cloud.proxy_port, timeout=10)
    tunnel.set_tunnel("127.0.0.1", cloud.endpoints["https_port"])
    with pytest.raises(OSError, match="403"):
        tunnel.connect()
    assert control.counters() == {}


def _moved(cloud: Any) -> float:
    with _direct(cloud) as http_:
        return float(http_.get("/_local/clock").json()["advancedSeconds"])


def test_a_status_comes_in_the_services_shape(cloud: Any, control: Control) -> None:
    control.set_faults(
        Fault(surface="https", host=HUB, match="GET /devices", action="status", status=503, times=1)
    )
    with _through(cloud) as http_:
        first = http_.get(f"https://{HUB}/devices?api-version=2021-04-12")
        second = http_.get(f"https://{HUB}/devices?api-version=2021-04-12")
    assert (first.status_code, first.headers["retry-after"]) == (503, "1")
    assert first.json()["Message"].startswith("ErrorCode:")
    assert second.status_code == 401
    assert control.hits() == [1]


def test_resets_drops_and_delays_over_https(cloud: Any, control: Control) -> None:
    url = f"https://{DPS}/enrollmentGroups/pumps?api-version=2021-10-01"
    control.set_faults(Fault(surface="https", host=DPS, action="reset", times=1))
    with _through(cloud) as http_, pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        http_.get(url)
    control.set_faults(Fault(surface="https", host=DPS, action="drop", times=1))
    with _through(cloud, timeout=0.5) as http_, pytest.raises(httpx.ReadTimeout):
        http_.get(url)
    control.set_faults(Fault(surface="https", host=DPS, action="delay", delay_seconds=0.4, times=1))
    with _through(cloud) as http_:
        began = time.monotonic()
        assert http_.get(url).status_code == 401
    assert time.monotonic() - began >= 0.4


def test_an_answer_that_is_lost_after_the_work_was_done(cloud: Any, control: Control) -> None:
    """The clients' hardest case: the service did it, and nobody was told."""
    values = dict(line.split("=", 1) for line in (cloud.state / "azure.env").read_text().splitlines())
    form = {
        "grant_type": "client_credentials",
        "client_id": values["AZURE_CLIENT_ID"],
        "client_secret": values["AZURE_CLIENT_SECRET"],
        "scope": "https://iothubs.azure.net/.default",
    }
    login = f"https://login.microsoftonline.com/{values['AZURE_TENANT_ID']}/oauth2/v2.0/token"
    url = f"https://{HUB}/devices/lost?api-version=2021-04-12"
    control.set_faults(Fault(surface="https", match="PUT *", action="reset", stage="answer", times=1))
    with _through(cloud) as http_:
        headers = {"Authorization": f"Bearer {http_.post(login, data=form).json()['access_token']}"}
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            http_.put(url, json={"deviceId": "lost"}, headers=headers)
        assert http_.get(url, headers=headers).json()["deviceId"] == "lost"


def test_throttled_https_tells_when_to_come_again(cloud: Any, control: Control) -> None:
    control.throttle(enabled=True)
    url = f"https://{HUB}/devices/query?api-version=2021-04-12"
    with _through(cloud) as http_:
        statuses = [http_.post(url, json={}).status_code for _ in range(20)]
        refused = http_.post(url, json={})
        assert set(statuses) == {401}
        assert refused.status_code == 429
        assert 58 <= int(refused.headers["retry-after"]) <= 60
        assert control.refused() == {"queries": 1}
        control.advance(60)
        assert http_.post(url, json={}).status_code == 401


def test_throttled_dps_devices_hear_429_and_retry_after(cloud: Any, control: Control) -> None:
    control.throttle(enabled=True)
    with _at_dps(cloud, "pump-1") as raw:
        _, body = raw.ask(REGISTER, json.dumps({"registrationId": "pump-1"}).encode())
        operation = json.loads(body)["operationId"]
        poll = f"$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId={operation}"
        topics = [raw.ask(poll)[0] for _ in range(6)]
        assert [it.split("/")[3] for it in topics[:5]] == ["200"] * 5
        assert topics[5].startswith("$dps/registrations/res/429/?$rid=2&retry-after=")
        control.advance(10)
        assert raw.ask(poll)[0].startswith("$dps/registrations/res/200/")


@pytest.mark.parametrize("action", ["drop", "reset", "delay", "status"])
def test_faults_over_mqtt(cloud: Any, control: Control, action: Any) -> None:
    delay = 0.4 if action == "delay" else 0
    with _at_dps(cloud, "pump-1") as raw:
        control.set_faults(
            Fault(surface="mqtt", host=GLOBAL, match="$dps/*", action=action, delay_seconds=delay, times=1)
        )
        began = time.monotonic()
        raw.publish(REGISTER)
        if action == "reset":
            assert raw.is_closed()
            return
        if action == "drop":
            raw.publish(REGISTER.replace("rid=1", "rid=2"))
        topic, _ = raw.message()
        expected = {"drop": "202/?$rid=2", "delay": "202/?$rid=1", "status": "500/?$rid=1"}[action]
        assert topic.startswith(f"$dps/registrations/res/{expected}")
        assert time.monotonic() - began >= delay


def test_a_refused_connect_and_a_lost_answer(cloud: Any, control: Control) -> None:
    control.set_faults(
        Fault(surface="mqtt", match="CONNECT pump-1", action="status", status=3, times=1),
        Fault(surface="mqtt", match="$dps/registrations/res/*", action="drop", stage="answer", times=1),
    )
    identity = _device(cloud, "pump-1")
    with cloud.connect(GLOBAL, identity) as raw:
        assert raw.login("pump-1", "0ne00000001/registrations/pump-1/api-version=2019-03-31")[1] == 3
    with _at_dps(cloud, "pump-1") as raw:
        raw.publish(REGISTER)
        raw.publish(REGISTER.replace("rid=1", "rid=2"))
        assert raw.message()[0].startswith("$dps/registrations/res/202/?$rid=2")
    assert control.hits() == [1, 1]


def test_packets_behind_a_delayed_one_keep_their_order(cloud: Any, control: Control) -> None:
    with _at_dps(cloud, "pump-1") as raw:
        control.set_faults(Fault(surface="mqtt", match="*rid=1", action="delay", delay_seconds=0.3, times=1))
        for number in (1, 2, 3):
            raw.publish(REGISTER.replace("rid=1", f"rid={number}"))
        rids = [raw.message()[0].partition("$rid=")[2][0] for _ in range(3)]
    assert rids == ["1", "2", "3"]


def test_a_broken_protocol_behind_a_delay_ends_the_connection(cloud: Any, control: Control) -> None:
    with _at_dps(cloud, "pump-1") as raw:
        control.set_faults(Fault(surface="mqtt", match="bad*", action="delay", delay_seconds=0.2))
        raw.publish("bad/topic")
        assert raw.is_closed()
