"""A device with a TPM in software: what it and DPS say to each other over HTTPS.

The official SDK for Python has no TPM; the keys and the TPM's commands are those of
tests/localcloud/dps/software_tpm.py, the calls are of the DPS device API 2021-10-01.
"""

from __future__ import annotations

import base64
import ssl
import time
from urllib.parse import quote, quote_plus

import certifi
import httpx
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.e2e.places import Reach
from tests.localcloud.dps.conftest import signed
from tests.localcloud.dps.software_tpm import EK_POLICY, Key, SoftwareTpm

_HOST = "https://global.azure-devices-provisioning.net"
_API = {"api-version": "2021-10-01"}
_PATIENCE_SECONDS = 60.0


class TpmDevice:
    """One device and its TPM."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tpm = SoftwareTpm(_key(EK_POLICY), _key())

    @property
    def endorsement_key(self) -> str:
        """The public half that an enrollment names."""
        return self.tpm.endorsement.text

    def register(self, reach: Reach, scope: str) -> httpx.Response:
        """Challenge, proof, registration; the last answer, whatever it is."""
        with _client(reach) as http:
            path = f"{_HOST}/{scope}/registrations/{self.name}"
            keys = {"endorsementKey": self.endorsement_key, "storageRootKey": self.tpm.storage_root.text}
            body = {"registrationId": self.name, "tpm": keys}
            challenge = http.put(f"{path}/register", params=_API, json=body)
            if challenge.status_code != 401 or "authenticationKey" not in challenge.json():
                return challenge
            self.tpm.activate(challenge.json()["authenticationKey"])
            proof = {"Authorization": signed(self.tpm.sign, self.name, scope)}
            accepted = http.put(f"{path}/register", params=_API, json=body, headers=proof)
            if accepted.status_code != 202:
                return accepted
            return _polled(http, f"{path}/operations/{accepted.json()['operationId']}", proof)

    def hub_token(self, hub: str, device: str) -> str:
        """A token for the hub, signed by the key that came with the registration and never left the TPM."""
        return _hub_token(self.tpm, hub, device)


def _polled(http: httpx.Client, url: str, proof: dict[str, str]) -> httpx.Response:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (answer := http.get(url, params=_API, headers=proof)).status_code == 202:
        assert time.monotonic() < deadline, answer.text
        time.sleep(1)
    return answer


def _client(reach: Reach) -> httpx.Client:
    trust = ssl.create_default_context(cafile=str(reach.trust) if reach.trust else certifi.where())
    proxy = f"http://{reach.proxy[0]}:{reach.proxy[1]}" if reach.proxy else None
    return httpx.Client(proxy=proxy, verify=trust, trust_env=False, timeout=20)


def _key(policy: bytes = b"") -> Key:
    return Key(rsa.generate_private_key(65537, 2048), policy)


def _hub_token(tpm: SoftwareTpm, hub: str, device: str) -> str:
    """`SharedAccessSignature sr=…&sig=…&se=…` of a device at its hub."""
    resource = quote(f"{hub}/devices/{device}", safe="")
    expiry = int(time.time()) + 3600
    signature = quote_plus(base64.b64encode(tpm.sign(f"{resource}\n{expiry}".encode())))
    return f"SharedAccessSignature sr={resource}&sig={signature}&se={expiry}"
