"""`muster certs` after the issue, as a person meets it: output, exit codes, refusals that change nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import Encoding

from certs import assemble, csr, passphrase
from certs.chain import load_certificates
from certs.issue import new_key
from certs.life.books import INVENTORY, LISTS
from certs.signers.file import FileSigner
from cli.certs import certs
from tests.certs.life.test_revocation import openssl, written

PHRASE = "only for these tests"


def run(*arguments: object, code: int = 0) -> Result:
    done = CliRunner().invoke(certs, [str(part) for part in arguments])
    assert done.exit_code == code, f"{arguments}\n{done.output}"
    assert "Traceback" not in done.output
    return done


def told(*arguments: object, code: int = 0) -> Any:
    return json.loads(run(*arguments, "--json", code=code).stdout)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority with lists and three devices."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        _only_passphrase(patch)
        pki = home / "pki"
        run("init", "--directory", pki, "--name", "coldchain", "--factory", "oslo")
        run("crl", "--directory", pki, "--url", "http://crl.example", "--partitions", "2")
        for number in (1, 2, 3):
            run("issue", f"reefer-{number}", "--issuer", pki / "oslo.pem", "--out", home / f"reefer-{number}")
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    _only_passphrase(monkeypatch)
    shutil.copytree(made, tmp_path / "home")
    return tmp_path / "home"


def _only_passphrase(patch: pytest.MonkeyPatch) -> None:
    for variable in ("MUSTER_KEY_STORE", passphrase.FILE_VARIABLE):
        patch.delenv(variable, raising=False)
    patch.setenv(passphrase.VARIABLE, PHRASE)


def test_a_second_certificate_is_refused_and_nothing_written(home: Path) -> None:
    refused = run("issue", "reefer-1", "--issuer", home / "pki/oslo.pem", "--out", home / "twice", code=1)
    assert "'reefer-1' has a certificate already" in refused.output
    assert not (home / "twice").exists()


def test_renew_retire_revoke(home: Path) -> None:
    pki = home / "pki"
    early = run("renew", "reefer-1", "--directory", pki, "--out", home / "next", code=1)
    assert "it may be renewed from" in early.output
    renewed = told("renew", "reefer-1", "--directory", pki, "--out", home / "next", "--early", "--overlap", 0)
    assert (renewed["old"]["fate"], renewed["new"]["fate"]) == ("retiring", "active")
    retired = told("retire", "--directory", pki, "--revoke")["retired"]
    assert [(each["fate"], each["detail"]) for each in retired] == [("revoked", "superseded")]
    shown = told("inventory", "show", "reefer-1", "--directory", pki)["certificates"]
    assert [each["fate"] for each in shown] == ["revoked", "active"]
    leaf = home / "next" / "leaf.pem"
    lists = [part for path in sorted((pki / "crl/oslo").iterdir()) for part in ("--crl", path)]
    run("verify", leaf, "--root", pki / "root.pem", *lists)
    revoked = told("revoke", "reefer-1", "--directory", pki, "--reason", "keyCompromise")
    assert {each["fate"] for each in revoked["revoked"]} == {"revoked"}
    again = told("revoke", "reefer-1", "--directory", pki, "--reason", "superseded")
    assert again["revoked"][-1]["detail"] == "keyCompromise"
    assert "revoked since" in run("verify", leaf, "--root", pki / "root.pem", *lists, code=1).output
    refused = run("renew", "reefer-1", "--directory", pki, "--out", home / "more", "--early", code=1)
    assert "is not renewed" in refused.output


def test_revocations_of_what_is_not_there(home: Path) -> None:
    why = ("--directory", home / "pki", "--reason", "keyCompromise")
    assert "'nobody' has no certificate in" in run("revoke", "nobody", *why, code=1).output
    missing = run("revoke", "reefer-1", *why, "--serial", "abc", code=1).output
    assert re.search(r"has no certificate abc; it has [0-9a-f]+ \(active\)", missing)
    run("revoke", "reefer-1", "--directory", home / "pki", "--reason", "stolen", code=2)
    no = run("revoke", "reefer-1", "--directory", home, "--reason", "keyCompromise", code=1)
    assert "holds no authority" in no.output
    assert not (home / INVENTORY).exists()


def test_a_request_is_renewed(home: Path) -> None:
    request = home / "reefer-2.csr"
    made = csr.make(FileSigner(new_key()), assemble.subject("reefer-2"))
    request.write_bytes(made.public_bytes(Encoding.PEM))
    given = ("--directory", home / "pki", "--request", request, "--early")
    other = run("renew", "reefer-3", *given, "--out", home / "next.pem", code=1)
    assert "is for 'reefer-2'" in other.output
    run("renew", "reefer-2", *given, "--out", home / "next.pem")
    assert load_certificates(home / "next.pem")[0].public_key() == made.public_key()
    assert (
        "is never overwritten" in run("renew", "reefer-2", *given, "--out", home / "next.pem", code=1).output
    )


def test_what_expires_and_what_comes_in(home: Path) -> None:
    pki = home / "pki"
    found = told("inventory", "expiring", "--directory", pki, "--within", 400)["expiring"]
    assert [(each["factory"], each["count"]) for each in found] == [("oslo", 3)]
    assert (
        "nothing expires within 5 days"
        in run("inventory", "expiring", "--directory", pki, "--within", 5).output
    )
    assert told("inventory", "import", home / "reefer-1", "--directory", pki) == {"new": 0, "certificates": 3}
    assert "has no certificate" in run("inventory", "show", "nobody", "--directory", pki, code=1).output


def test_an_audit_tells_the_place(home: Path) -> None:
    pki = home / "pki"
    head = told("audit", "--directory", pki)["head"]
    run("audit", "--directory", pki, "--head", head)
    ledger = pki / "ledger.jsonl"
    ledger.write_text(ledger.read_text().replace("CN=reefer-2", "CN=reefer-9"))
    changed = run("audit", "--directory", pki, "--head", head, code=1)
    assert re.search(r"ledger\.jsonl, line \d+: was changed after it was written", changed.output)


def test_lists_without_an_address_or_with_another(home: Path) -> None:
    pki = home / "pki"
    assert "says otherwise" in run("crl", "--directory", pki, "--url", "http://b.example", code=1).output
    (pki / LISTS).unlink()
    assert "no address for revocation lists" in run("crl", "--directory", pki, code=1).output
    alone = run("revoke", "reefer-3", "--directory", pki, "--reason", "keyCompromise")
    assert "in no list: the authority has no address" in alone.output


def test_waves(home: Path) -> None:
    file, pki = home / "waves.json", home / "pki"
    given = ("--directory", pki, "--within", 400, "--shares", "40,100", "--tolerate", 40)
    planned = told("waves", "plan", file, *given)
    assert [each["devices"] for each in planned["waves"]] == [1, 2]
    run("waves", "plan", file, *given, code=1)
    (first,) = run("waves", "next", file).stdout.split()
    assert "wave 1 is open" in run("waves", "next", file, code=1).output
    stopped = run("waves", "report", file, "--failed", first, code=1)
    assert stopped.output.splitlines() == [
        "wave 1: 1 devices, 0 done, 1 failed",
        "wave 2: 2 devices, not opened",
        "stopped",
    ]
    assert "stopped: 1 of 1 devices of wave 1 failed" in run("waves", "next", file, code=1).output
    both = run("waves", "report", file, "--done", first, "--failed", first, code=1)
    assert "is reported done and failed" in both.output
    run("waves", "report", file, "--done", first)
    rest = told("waves", "next", file)["pending"]
    (home / "done").write_text("\n".join(rest))
    assert told("waves", "report", file, "--done-file", home / "done")["state"] == "finished"
    run("waves", "plan", home / "other", "--directory", pki, "--shares", "a,b", code=2)


def test_ocsp_as_a_process(home: Path) -> None:
    pki = home / "pki"
    run("revoke", "reefer-1", "--directory", pki, "--reason", "keyCompromise")
    code = "from cli.certs import certs; certs()"
    command = [sys.executable, "-c", code, "ocsp", "--directory", str(pki), "--listen", "127.0.0.1:0"]
    trust = written(
        home / "trust.pem", *load_certificates(pki / "root.pem"), *load_certificates(pki / "oslo.pem")
    )
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip().rpartition(":")[2]
        asked = ("ocsp", "-issuer", pki / "oslo.pem", "-CAfile", trust, "-url", f"http://127.0.0.1:{port}")
        fates = [
            openssl(*asked, "-cert", home / name / "leaf.pem").stdout for name in ("reefer-1", "reefer-2")
        ]
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "stopped\n"
    assert process.returncode == 0
    assert "leaf.pem: revoked" in fates[0]
    assert "leaf.pem: good" in fates[1]


@pytest.mark.parametrize("listen", ["0.0.0.0:1", "10.0.0.1:80"])
def test_ocsp_stays_on_this_machine(home: Path, listen: str) -> None:
    refused = run("ocsp", "--directory", home / "pki", "--listen", listen, code=1)
    assert "is not on this machine alone" in refused.output


@pytest.mark.parametrize("listen", ["2560", "127.0.0.1:", "127.0.0.1:99999", "127.0.0.1:x"])
def test_addresses_that_are_none(home: Path, listen: str) -> None:
    assert "HOST:PORT" in run("ocsp", "--directory", home / "pki", "--listen", listen, code=2).output
