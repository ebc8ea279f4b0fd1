"""One fleet with every attestation, allocation and reprovision policy, and genuine devices that enrol in it.

`WholeFleet` brings it up at a place, once for all tests that look at it, and changes it once: then the groups
that say where their devices belong name another hub.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.cloud import Cloud
from bench.workspace import PROJECT
from provider.clients.hub_service import twin_path
from tests.e2e import identities
from tests.e2e.identities import Files, Holder
from tests.e2e.places import Place, describe
from tests.e2e.tpm_device import TpmDevice

Told = dict[str, Any]

TWIN: dict[str, dict[str, Any]] = {"tags": {"line": "reefer"}, "desired": {"intervalSeconds": 60}}
ISSUERS = ("keep", "keep-next", "anew", "anew-next", "spread", "near", "chosen", "closed", "idle", "full")
DEVICE_KEYS = {"localAuth": {"devices": True}}


class WholeFleet:
    """The fleet at its place."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.home = "eu-1"
        self.tpm = TpmDevice("tpm-1")
        self.own = identities.leaf("own-1", None)
        self.next_own = identities.leaf("own-1", None)
        root = place.workspace.root
        (root / "certificates").mkdir()
        (root / "certificates" / "own-1.pem").write_text(identities.text(self.own))
        (root / "certificates" / "own-1-next.pem").write_text(identities.text(self.next_own))
        template = PROJECT / "components" / "azure" / "allocation_function" / "template"
        shutil.copytree(template, root / "functions")
        self._files: dict[str, Files] = {}

    def describe(self, manifests: Mapping[str, Any] | None = None) -> None:
        """Write the stack's file; `home` is the hub that the devices of keeps, moves and anew belong in."""
        described = _described(self.place, self.home, self.tpm.endorsement_key)
        describe(self.place, {**described, "manifests": manifests or {}})

    def up(self) -> None:
        """Bring up what is described."""
        done = self.place.up()
        assert done.returncode == 0, done.stdout + done.stderr
        outputs = self.place.outputs()
        self.id_scope, self.service = str(outputs["idScope"]), str(outputs["dpsHost"])
        self.hubs = {key: str(host) for key, host in outputs["hubs"].items()}

    def enrol(self, tasks: Iterable[Told], at_once: int = 8) -> dict[str, Told]:
        """What each device was told, by its name, or by `as` where one name comes twice.

        `at_once` is 1 where refusals are expected: of many at once the SDK misses one now and then, and waits
        a minute for it.
        """
        devices = [{"scope": self.id_scope, **task} for task in tasks]
        work = json.dumps({"reach": self.place.reach().told(), "atOnce": at_once, "devices": devices})
        done = subprocess.run(
            [sys.executable, "-m", "tests.e2e.sdk_devices"],
            input=work,
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        told = [json.loads(line) for line in done.stdout.splitlines()]
        return {task.get("as", task["name"]): it for task, it in zip(devices, told, strict=True)}

    def issuer(self, name: str) -> Holder:
        """An issuer of the fleet with its key."""
        return identities.issuer(self.place.pki, name, self.place.passphrase)

    def certified(self, name: str, issuer: str, **wishes: Any) -> Told:
        """A device with a certificate of an issuer, the same one each time it is asked for."""
        if name not in self._files:
            by = self.issuer(issuer)
            self._files[name] = self.files(name, identities.leaf(name, by, **wishes), by)
        return {"name": name, **self._files[name].task()}

    def files(self, folder: str, holder: Holder, *issuers: Holder) -> Files:
        """Chain and key of a device in a folder of their own."""
        return identities.write(self.place.workspace.root / "devices" / folder, holder, *issuers)

    def keyed(self, name: str, group: str | None = None) -> Told:
        """A device with its symmetric key, fetched by `muster device key` as an operator does."""
        file = self.place.workspace.root / f"{name}.key"
        if not file.exists():
            which = ["--group", group] if group else []
            self._muster("device", "key", name, *which, "--out", str(file), "-s", self.place.stack)
        return {"name": name, "key": file.read_text().strip()}

    def twin(self, cloud: Cloud, hub: str, device: str) -> Told | None:
        """A device's twin in a hub, by the hub's short key; None when it is not there."""
        return cloud.azure.hub(self.hubs[hub]).get(twin_path(device))

    def _muster(self, *arguments: str) -> None:
        command = [str(Path(sys.executable).with_name("muster")), *arguments]
        environment = self.place.environment()
        root = self.place.workspace.root
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def _described(place: Place, home: str, endorsement_key: str) -> Told:
    pki = place.pki.relative_to(place.workspace.root)
    return {
        "azure": {
            "hubs": {
                "eu-1": DEVICE_KEYS,
                "eu-2": DEVICE_KEYS,
                "north": {"location": "northeurope"},
                "tiny": {"sku": "F1"},
            },
            "functionApp": {"folder": "functions"},
            "diagnostics": {"enabled": False},
        },
        "identity": {
            "root": str(pki / "root.pem"),
            "issuers": {name: str(pki / f"{name}.pem") for name in ISSUERS},
        },
        "groups": _groups(home),
        "enrollments": _enrollments(endorsement_key),
    }


def _groups(home: str) -> Told:
    static = {"policy": "static", "hubs": [home]}
    everywhere = {"policy": "hashed", "hubs": ["eu-1", "eu-2"]}
    webhook = {"function": {"name": "allocate"}}
    return {
        "keeps": _group({"x509": {"issuer": "keep", "secondary": "keep-next"}}, static, "keep"),
        "moves": _group({"symmetricKey": {}}, static, "migrate"),
        "anew": _group({"caReference": {"issuer": "anew", "secondary": "anew-next"}}, static, "reset"),
        "spread": _group({"x509": {"issuer": "spread"}}, everywhere),
        "near": _group({"x509": {"issuer": "near"}}, {"policy": "geoLatency", "hubs": ["eu-1", "north"]}),
        "chosen": _group(
            {"x509": {"issuer": "chosen"}}, {"policy": "custom", "hubs": ["eu-1", "eu-2"], "webhook": webhook}
        ),
        "full": _group({"x509": {"issuer": "full"}}, {"policy": "static", "hubs": ["tiny"]}),
        "closed": {**_group({"x509": {"issuer": "closed"}}, everywhere), "enabled": False},
    }


def _group(
    attestation: Mapping[str, Any], allocation: Mapping[str, Any], reprovision: str = "migrate"
) -> Told:
    return {"attestation": attestation, "allocation": allocation, "reprovision": reprovision, "twin": TWIN}


def _enrollments(endorsement_key: str) -> Told:
    certificates = {
        "certificate": "certificates/own-1.pem",
        "secondary": "certificates/own-1-next.pem",
    }
    there = {"policy": "static", "hubs": ["eu-2"]}
    return {
        "own-1": {"attestation": {"x509": certificates}, "allocation": there, "deviceId": "berth-1"},
        "keyed-1": {"attestation": {"symmetricKey": {}}, "allocation": there, "twin": TWIN},
        "tpm-1": {"attestation": {"tpm": {"endorsementKey": endorsement_key}}, "allocation": there},
    }
