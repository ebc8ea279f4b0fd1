"""A fleet on AWS with every way of enrolment, the devices that `muster up` starts, and others by hand."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from bench.workspace import PROJECT
from certs.chain import fingerprint, load_certificates
from provider.clients.aws import Aws, Client
from tests.e2e import identities
from tests.e2e.identities import Files, Holder
from tests.e2e.workspace import Workspace

Json = dict[str, Any]
_SECONDS = 40.0

PKI = ".muster/local/pki"
ISSUERS = ("registration", "provisioning", "claiming")
METERS = ("meter-1", "meter-2", "meter-3")
TWIN: Json = {"tags": {"line": "cold"}, "desired": {"intervalSeconds": 30}}


@dataclass(frozen=True)
class Told:
    """What a device that was started by hand came to: its exit code and its log."""

    code: int
    events: list[Json]
    text: str

    def reason(self) -> str:
        """Why it was refused."""
        return next((str(it["reason"]) for it in self.events if it["event"] == "refused"), self.text)

    @property
    def is_up(self) -> bool:
        """Whether it reported."""
        return any(it["event"] == "reported" for it in self.events)


class AwsFleet:
    """The fleet in its workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.own = identities.leaf("own-1", None)
        (workspace.root / "certificates").mkdir()
        (workspace.root / "certificates" / "own-1.pem").write_text(identities.text(self.own))
        self.meters = {name: identities.leaf(name, None) for name in METERS}
        rows = [f'{name},"{identities.text(each)}",hall-{name[-1]}' for name, each in self.meters.items()]
        (workspace.root / "meters.csv").write_text(
            "\n".join(["registration_id,certificate,tags.hall", *rows]) + "\n"
        )

    def describe(self) -> None:
        """Write the stack's file."""
        config = {"aws:region": "eu-west-1", "muster:fleet": _described()}
        file = self.workspace.root / "stacks" / "Pulumi.local.yaml"
        file.write_text(yaml.safe_dump({"config": config}, sort_keys=False))

    def up(self, devices: int) -> subprocess.CompletedProcess[str]:
        """`muster up`, so many devices over the groups."""
        return self.workspace.muster("up", "--devices", str(devices))

    def aws(self) -> Aws:
        """The services, as an operator reaches them."""
        trust = {"MUSTER_CA_FILE": str(self.workspace.state / "cloud" / "tls-ca.pem")}
        return Aws(self.workspace.settings() | trust)

    def iot(self) -> Client:
        """AWS IoT."""
        return self.aws().client("iot")

    def shadow(self, thing: str) -> Json:
        """A thing's shadow."""
        endpoint = f"https://{self.workspace.outputs()['aws']['endpoint']}"
        answer = self.aws().client("iot-data", endpoint=endpoint).call("get_thing_shadow", thingName=thing)
        document: Json = json.loads(answer["payload"])
        return document

    def certificate_id(self, device: str) -> str:
        """What AWS IoT knows a device's certificate by: that of a leaf of ours, or the own of a claim's."""
        folder = self.workspace.state / "devices" / device
        files = [*folder.glob("own/0*/chain.pem"), *folder.glob("leaf.pem")]
        return fingerprint(load_certificates(files[0])[0])

    def issuer(self, name: str) -> Holder:
        """An issuer with its key."""
        passphrase = (self.workspace.state / "key-passphrase").read_bytes()
        return identities.issuer(self.workspace.state / "pki", name, passphrase)

    def files(self, folder: str, holder: Holder, *issuers: Holder) -> Files:
        """Chain and key of a device by hand."""
        return identities.write(self.workspace.root / "devices" / folder, holder, *issuers)

    def certified(self, name: str, issuer: str) -> Files:
        """A new device of an issuer."""
        by = self.issuer(issuer)
        return self.files(name, identities.leaf(name, by), by)

    def claim(self, key: str) -> Files:
        """A claim that `up` has made."""
        folder = self.workspace.state / "claims" / key
        return Files(folder / "leaf.pem", folder / "key.pem")

    def device(self, name: str, files: Files, *more: str) -> Told:
        """Run a device until it has reported, or is refused for good."""
        endpoint = str(self.workspace.outputs()["aws"]["endpoint"])
        shown = ["--certificate", str(files.chain), "--key", str(files.key)]
        where = ["--registration-id", name, "--endpoint", endpoint, "--attempts", "1"]
        trust = {"MUSTER_CA_FILE": str(self.workspace.state / "cloud" / "tls-ca.pem")}
        environment = self.workspace.environment() | self.workspace.settings() | trust
        command = [sys.executable, "-m", "agent", *where, *shown, *more]
        lines = []
        with subprocess.Popen(
            command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line)
                if json.loads(line)["event"] == "reported":
                    process.terminate()
        return Told(process.returncode, [json.loads(line) for line in lines], "".join(lines))

    def by_claim(self, name: str, key: str, group: str, **parameters: str) -> Told:
        """Run a device that comes with a claim."""
        own = self.workspace.root / "devices" / f"{name}-own"
        told = [part for each in parameters.items() for part in ("--parameter", "=".join(each))]
        template = ("--claim-template", f"coldchain-{group}", "--identity", str(own))
        return self.device(name, self.claim(key), *template, *told)

    def wait_for(self, device: str, event: str, times: int = 1) -> None:
        """Until the log of a device that `up` started tells of an event so often."""
        log = self.workspace.state / "devices" / device / "agent.log"
        deadline = time.monotonic() + _SECONDS
        while log.read_text().count(f'"event": "{event}"') < times:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)

    def hook_said(self, group: str, thing: str) -> str:
        """Why a group's hook did not let a device in, as an operator reads it in the function's log."""
        name = f"/aws/lambda/coldchain-local-{group}-hook"
        found = self.aws().client("logs").call("filter_log_events", logGroupName=name)["events"]
        told = [json.loads(it["message"]) for it in found if it["message"].startswith("{")]
        return next((str(it["reason"]) for it in told if it["thing"] == thing and not it["allowed"]), "")

    def break_hook(self, group: str) -> None:
        """Have a group's hook sleep longer than AWS IoT waits."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as made:
            made.writestr("index.py", "import time\n\n\ndef handle(event, context):\n    time.sleep(30)\n")
        functions = self.aws().client("lambda")
        name = f"coldchain-local-{group}-hook"
        functions.call("update_function_configuration", FunctionName=name, Handler="index.handle", Timeout=30)
        functions.call("update_function_code", FunctionName=name, ZipFile=archive.getvalue())


def _described() -> Json:
    return {
        "name": "coldchain",
        "clouds": ["aws"],
        "aws": {},
        "identity": {
            "root": f"{PKI}/root.pem",
            "issuers": {name: f"{PKI}/{name}.pem" for name in ISSUERS},
        },
        "groups": {
            "reefers": _group("registration", {"jitr": {"allow": "any"}}),
            "trucks": {**_group("provisioning", {"jitp": {}}), "twin": {"tags": TWIN["tags"]}},
            "vans": _group("claiming", _claim("vans", allow="any", limit=2)),
            "crates": {**_group("claiming", _claim("crates", allow="registered")), "enabled": True},
        },
        "manifests": {"meters": {"file": "meters.csv", "attestation": "x509", "twin": TWIN}},
        "enrollments": {
            "own-1": {"attestation": {"x509": {"certificate": "certificates/own-1.pem"}}, "twin": {}},
        },
    }


def _group(issuer: str, enrolment: Mapping[str, Any]) -> Json:
    return {"attestation": {"x509": {"issuer": issuer}}, "twin": TWIN, "aws": {"enrolment": enrolment}}


def _claim(key: str, **rules: Any) -> Json:
    return {"claim": {"certificates": {key: f".muster/local/claims/{key}.pem"}, **rules}}
