"""The HTTPS device API of a running local cloud: mutual TLS, through the proxy, a plain HTTP client."""

import ssl
from typing import Any

import httpx
import pytest

from localcloud.azure.dps.kinds import INDIVIDUAL

from .conftest import HOST, HUBS, SCOPE, Cloud, Fleet, token
from .test_admission import own

NAME = "pump-1"


def _registered(cloud: Cloud, identity: Any = None, headers: dict[str, str] | None = None) -> Any:
    context = ssl.create_default_context(cafile=str(cloud.trust))
    if identity:
        context.load_cert_chain(*identity)
    proxy = cloud.endpoints["proxy"]
    with httpx.Client(proxy=proxy, verify=context, trust_env=False, headers=headers, timeout=20) as client:
        url = f"https://{HOST}/{SCOPE}/registrations/{NAME}/register"
        accepted = client.put(url, params={"api-version": "2021-10-01"}, json={"registrationId": NAME})
        if accepted.status_code != 202:
            return accepted
        return client.get(accepted.headers["Location"])


def test_by_certificate(cloud: Cloud) -> None:
    leaf, other = (cloud.world.pki.leaf(NAME, None) for _ in range(2))
    Fleet(cloud.world).individual(NAME, own(leaf), iotHubs=[HUBS[1]])
    cloud.start()
    answer = _registered(cloud, cloud.identity(leaf))
    assert answer.json()["registrationState"]["assignedHub"] == HUBS[1]
    assert _registered(cloud, cloud.identity(other)).status_code == 401
    assert _registered(cloud).status_code == 401
    reasons = [it["reason"] for it in cloud.log() if it["event"] == "registration refused"]
    assert reasons == ["thumbprint-mismatch", "no-certificate"]


@pytest.mark.parametrize("slot", ["primaryKey", "secondaryKey"])
def test_by_token(cloud: Cloud, slot: str) -> None:
    fleet = Fleet(cloud.world)
    fleet.individual(NAME, {"type": "symmetricKey"}, iotHubs=[HUBS[0]])
    cloud.start()
    proof = token(fleet.keys(INDIVIDUAL, NAME)[slot], NAME)
    answer = _registered(cloud, headers={"Authorization": proof})
    assert answer.json()["registrationState"]["assignedHub"] == HUBS[0]
    assert "SharedAccessSignature" not in (cloud.state / "cloud.log").read_text()
