"""Shared access signatures: over `sr` as it arrives, for this host, in time, by a policy with the right."""

import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from azure.mgmt.iothub import IotHubClient
from azure.mgmt.iothubprovisioningservices import IotDpsClient

from .conftest import Cloud, hub_body, in_seconds


def _sign(scope: str, key: str, policy: str, expiry: int) -> str:
    secret = base64.b64decode(key)
    digest = hmac.new(secret, f"{scope}\n{expiry}".encode(), hashlib.sha256).digest()
    signature = quote_plus(base64.b64encode(digest))
    return f"SharedAccessSignature sr={scope}&sig={signature}&se={expiry}&skn={policy}"


def _ask(cloud: Cloud, host: str, path: str, authorization: str, version: str = "2021-04-12") -> int:
    with cloud.http() as http:
        url = f"https://{host}{path}"
        answer = http.get(url, params={"api-version": version}, headers={"Authorization": authorization})
    if answer.status_code >= 400:
        assert "SharedAccessSignature" not in answer.text
    return answer.status_code


def _key(hubs: IotHubClient, group: str, hub: Any, policy: str) -> str:
    return str(hubs.iot_hub_resource.get_keys_for_key_name(group, hub.name, policy).primary_key)


def test_hub_takes_a_good_signature_in_either_spelling(
    cloud: Cloud, hubs: IotHubClient, hub: Any, group: str
) -> None:
    host, key = hub.properties.host_name, _key(hubs, group, hub, "iothubowner")
    for scope in (host, quote(host + "/devices", safe=""), f"{host}:443"):
        assert _ask(cloud, host, "/devices", _sign(scope, key, "iothubowner", in_seconds(60))) == 200


def test_hub_refuses_bad_signatures(cloud: Cloud, hubs: IotHubClient, hub: Any, group: str) -> None:
    host, key = hub.properties.host_name, _key(hubs, group, hub, "iothubowner")
    other = base64.b64encode(b"x" * 32).decode()
    later = in_seconds(60)
    bad = {
        "other key": _sign(host, other, "iothubowner", later),
        "expired": _sign(host, key, "iothubowner", in_seconds(-5)),
        "other host": _sign("other.azure-devices.net", key, "iothubowner", later),
        "other path": _sign(f"{host}/twins", key, "iothubowner", later),
        "other policy": _sign(host, key, "service", later),
        "unknown policy": _sign(host, key, "nobody", later),
        "no right": _sign(host, _key(hubs, group, hub, "device"), "device", later),
        "no parts": "SharedAccessSignature sr=x",
        "no time": _sign(host, key, "iothubowner", later).replace(f"se={later}", "se=soon"),
        "later time": _sign(host, key, "iothubowner", later).replace(f"se={later}", f"se={later + 1}"),
    }
    assert {name: _ask(cloud, host, "/devices", it) for name, it in bad.items()} == dict.fromkeys(bad, 401)


def test_a_hub_without_local_authentication_takes_no_signature(
    cloud: Cloud, hubs: IotHubClient, hub: Any, group: str
) -> None:
    hubs.iot_hub_resource.begin_create_or_update(group, hub.name, hub_body(disableLocalAuth=True)).result()
    host, key = hub.properties.host_name, _key(hubs, group, hub, "iothubowner")
    assert _ask(cloud, host, "/devices", _sign(host, key, "iothubowner", in_seconds(60))) == 401


@pytest.mark.parametrize(("seconds", "status"), [(60, 404), (-60, 401)])
def test_dps_takes_signatures(
    cloud: Cloud, services: IotDpsClient, dps: Any, group: str, seconds: int, status: int
) -> None:
    host = dps.properties.service_operations_host_name
    key = next(iter(services.iot_dps_resource.list_keys(dps.name, group))).primary_key
    header = _sign(quote_plus(host), str(key), "provisioningserviceowner", in_seconds(seconds))
    assert _ask(cloud, host, "/enrollmentGroups/none", header, "2021-10-01") == status
