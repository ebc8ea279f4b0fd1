"""A stranger's device is refused, logged and counted where a person looks."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from certs import authority
from certs.chain import load_certificate
from certs.issue import issue_device
from certs.store import KeyStore
from tests.e2e.conftest import Workspace

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("stack"), pytest.mark.timeout(600)]

KEY = "coldchain-local/unknown-authority"


def test_a_rogue_device_is_refused_logged_and_counted(stack: Workspace, tmp_path: Path) -> None:
    authority.init(tmp_path / "rogue", "rogue", ["rogue"], b"a passphrase for tests")
    issuer = load_certificate(tmp_path / "rogue" / "rogue.pem")
    signer = KeyStore(tmp_path / "rogue" / "keys", b"a passphrase for tests").signer_for(issuer)
    issue_device(signer, issuer, "reefer-0001", 1).write(tmp_path / "device")
    settings = stack.settings() | {"MUSTER_CA_FILE": str(stack.state / "cloud" / "tls-ca.pem")}
    names = ["--registration-id", "reefer-0001", "--id-scope", str(stack.outputs()["idScope"])]
    files = ["--certificate", str(tmp_path / "device/leaf.pem"), "--key", str(tmp_path / "device/key.pem")]
    agent = subprocess.run(
        [sys.executable, "-m", "agent", *names, *files, "--attempts", "1"],
        env=stack.environment() | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert agent.returncode == 3, agent.stdout
    assert "refused" in [json.loads(line)["event"] for line in agent.stdout.splitlines()]
    assert KEY.split("/")[1] in (stack.state / "cloud" / "cloud.log").read_text()
    assert _count(stack) >= 1
    assert f"times {KEY}" in stack.muster("status").stdout


def _count(stack: Workspace) -> int:
    """The counter is written once a second."""
    deadline = time.monotonic() + 10
    while not (count := json.loads(stack.muster("status", "--json").stdout)["cloud"]["refusals"].get(KEY, 0)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return int(count)
