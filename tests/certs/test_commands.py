"""The commands around an authority, as a person meets them: ceremony, succession, requests, pre-flight."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import serialization

from certs import assemble, authority, csr, passphrase, pkcs8
from certs.keys import ALGORITHMS
from certs.signers.file import FileSigner
from cli.certs import certs
from cli.main import main

SECRET = "twelve or more, said the door"


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pkcs8, "COST", 16)
    for variable in ("MUSTER_KEY_STORE", passphrase.FILE_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(passphrase.VARIABLE, SECRET)


def run(line: str, *more: str) -> Result:
    return CliRunner().invoke(certs, [*line.split(), *more])


def done(line: str, *more: str) -> str:
    result = run(line, *more)
    assert result.exit_code == 0, result.output
    assert SECRET not in result.output
    return result.stdout


def refused(line: str, told: str, *more: str) -> None:
    before = files()
    result = run(line, *more)
    assert result.exit_code == 1, result.output
    assert told in result.stderr, result.stderr
    assert "Traceback" not in result.output
    assert files() == before


def files() -> set[Path]:
    """All files, but the authority's books (`certs.life.books`), which may be opened and stay empty."""
    return {path for path in Path().rglob("*") if not path.name.startswith("inventory.sqlite")}


def as_json(line: str, *more: str) -> Any:
    return json.loads(done(f"{line} --json", *more))


def write_request(name: str, algorithm: str = "ec-p256") -> None:
    made = csr.make(FileSigner(ALGORITHMS[algorithm].generate()), assemble.subject(name))
    Path(f"{name}.csr").write_bytes(made.public_bytes(serialization.Encoding.PEM))


INIT = "init --directory pki --name coldchain --factory oslo"


def test_ceremony() -> None:
    made = as_json("ceremony root --directory offline --name coldchain --operator Ada")
    sha256 = made["certificates"]["root"]["sha256"]
    done("ceremony request --directory pki --name coldchain --factory oslo --servers edge=plant.example")
    signed = as_json(
        "ceremony sign pki/requests/oslo.csr pki/requests/edge.csr --directory offline --out granted "
        "--servers edge=plant.example"
    )
    assert Path(signed["record"]).is_file()
    assert {name: each["kind"] for name, each in signed["certificates"].items()} == {
        "oslo": "issuer",
        "edge": "server-issuer",
    }
    refused("ceremony install granted --directory pki --root-sha256 00", "which is not what was given")
    installed = as_json(f"ceremony install granted --directory pki --root-sha256 {sha256}")
    assert set(installed["certificates"]) == {"root", "oslo", "edge"}
    done("issue gw --issuer pki/edge.pem --profile server --host gw.plant.example --out gw")
    done("issue gw --issuer pki/edge.pem --profile gateway --out gw-ca")
    done("verify gw/leaf.pem --root pki/root.pem --profile server")
    done("verify gw-ca/leaf.pem --root pki/root.pem --profile gateway")
    refused("issue gw --issuer pki/edge.pem --out gw-client", "may not issue TLS clients")
    refused("issue gw --issuer pki/edge.pem --profile server --out gw-2", "at least one host")


def test_the_texts_for_people_say_what_to_do_next() -> None:
    root = done("ceremony root --directory offline --name coldchain --operator Ada")
    assert "Write down the root's fingerprint" in root
    requested = done("ceremony request --directory pki --name coldchain --factory oslo")
    assert "compare the key ids there" in requested
    assert "Print the written record: offline/records/" in done(
        "ceremony sign pki/requests/oslo.csr --directory offline --out granted"
    )
    line = root.splitlines()[
        root.splitlines().index(next(x for x in root.splitlines() if "Write down" in x)) + 1
    ]
    assert "pki/oslo.pem" in done("ceremony install granted --directory pki --root-sha256", line.strip())


def test_succession() -> None:
    done(INIT)
    done("issue unit-1 --issuer pki/oslo.pem --out unit-1")
    added = as_json("succeed root --directory pki --out carried")
    assert set(added["certificates"]) == {"root-2", "root-2.by.root", "root.by.root-2", "oslo.by.root-2"}
    assert Path("carried/cross/oslo.by.root-2.pem").is_file()
    done("verify unit-1/leaf.pem --root pki/root-2.pem --issuer pki/cross/oslo.by.root-2.pem")
    assert "pki/oslo-2.pem" in done("succeed issuer oslo --directory pki --days 30")
    refused("succeed issuer bergen --directory pki", "no issuer or server-issuer 'bergen'")
    refused("succeed root --directory nowhere", "holds no authority")


def test_a_request_becomes_a_certificate_and_nothing_else_is_stored() -> None:
    done(INIT)
    write_request("unit-1")
    before = files()
    told = as_json("sign unit-1.csr --issuer pki/oslo.pem --out unit-1.pem --id unit-1 --days 9")
    assert told["subject"] == "CN=unit-1,O=coldchain"
    assert files() - before == {Path("unit-1.pem")}
    done("verify unit-1.pem --root pki/root.pem")
    write_request("unit-2")
    printed = done("sign unit-2.csr --issuer pki/oslo.pem --out -")
    assert printed.count("BEGIN CERTIFICATE") == 2
    write_request("unit-3")
    refused("sign unit-3.csr --issuer pki/oslo.pem --out unit-1.pem", "is never overwritten")
    refused("sign unit-3.csr --issuer pki/oslo.pem --out x.pem --id unit-2", "is for 'unit-3'")
    refused("sign unit-1.csr --issuer pki/oslo.pem --out x.pem", "unit-1")
    refused("sign pki/oslo.pem --issuer pki/oslo.pem --out x.pem", "expected one certificate request")


def test_what_a_cloud_would_refuse_is_refused_by_default() -> None:
    done(INIT)
    write_request("unit-1", "ed25519")
    refused("sign unit-1.csr --issuer pki/oslo.pem --out x.pem", "Ed25519 is not listed")
    done("sign unit-1.csr --issuer pki/oslo.pem --out x.pem --for none")
    refused("issue a --issuer pki/oslo.pem --out a --algorithm ml-dsa-44", "ML-DSA exists in TLS 1.3 alone")
    refused("issue a.b --issuer pki/oslo.pem --out a", "and no dot")
    done("issue a.b --issuer pki/oslo.pem --out a --for azure")
    refused("issue c --issuer pki/oslo.pem --out c --profile claim", "no provisioning by claim")
    done("issue c --issuer pki/oslo.pem --out c --profile claim --for aws")
    refused(
        "init --directory new --name x --factory y --algorithm ed25519", "--for both | azure | aws | none"
    )
    done("init --directory new --name x --factory y --algorithm ml-dsa-65 --for none --unconfined")


def test_every_issue_stands_in_the_ledger_and_a_clock_set_back_stops_it() -> None:
    done(INIT)
    serial = as_json("issue unit-1 --issuer pki/oslo.pem --out unit-1")["serial"]
    lines = [json.loads(line) for line in Path("pki/ledger.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["certified", "certified", "issued"]
    assert lines[-1]["facts"]["serial"] == serial
    program = "import sys; from cli.main import main; sys.argv[0] = 'muster'; main()"
    call = ["certs", "issue", "unit-2", "--issuer", "pki/oslo.pem", "--out", "unit-2"]
    back = _with_clock(program, call, seconds=-3600)
    assert back.returncode == 1
    assert "set the clock right" in back.stderr
    assert not Path("unit-2").exists()


def _with_clock(program: str, call: list[str], seconds: int) -> subprocess.CompletedProcess[str]:
    """Run with `datetime.now` moved, in the modules of `cli` and `certs` that ask for it."""
    moved = (
        "import datetime as d\n"
        "class Moved(d.datetime):\n"
        "    @classmethod\n"
        f"    def now(cls, tz=None): return d.datetime.now(tz) + d.timedelta(seconds={seconds})\n"
        "import cli.certs.device\n"
        "cli.certs.device.datetime = Moved\n"
    )
    command = [sys.executable, "-c", moved.replace("\\\n", "\n") + program, *call]
    root = Path(authority.__file__).parents[1]
    variables = os.environ | {"PYTHONPATH": str(root)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=variables)


def test_verify_shows_what_a_cloud_sees() -> None:
    done(INIT)
    done("issue unit-1 --issuer pki/oslo.pem --out unit-1")
    text = done("verify unit-1/leaf.pem --root pki/root.pem --as dps --as iot-hub --as aws-iot")
    assert "as DPS sees it\n  matches  registration id: 'unit-1'".replace("\\\n", "\n") in text
    assert text.endswith("valid\n".replace("\\\n", "\n"))
    alone = Path("unit-1/leaf.pem").read_text()
    Path("alone.pem").write_text(alone[: alone.index("END CERTIFICATE-----") + len("END CERTIFICATE-----\n")])
    line = "verify alone.pem --root pki/root.pem --issuer pki/oslo.pem --as dps"
    refused(line, "DPS answers 401002")
    done(f"{line} --verified pki/oslo.pem")
    result = run(f"{line} --json")
    assert result.exit_code == 1
    seen = json.loads(result.stdout)
    assert (seen["valid"], seen["seenAs"][0]["accepted"]) == (True, False)


def test_verify_refuses_a_damaged_revocation_list() -> None:
    done(INIT)
    done("issue unit-1 --issuer pki/oslo.pem --out unit-1")
    Path("junk.crl").write_bytes(b"junk")
    refused(
        "verify unit-1/leaf.pem --root pki/root.pem --crl junk.crl", "expected one certificate revocation"
    )


def test_keys_in_a_service_need_to_be_told_where() -> None:
    refused(f"{INIT} --signer aws-kms", "a key in aws-kms needs the region")
    refused(f"{INIT} --vault https://x", "keys in files need no vault")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_of_each_shell(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0, result.output
    assert f"_MUSTER_COMPLETE={shell}_complete" in result.stdout.replace("(", "").replace("env ", "")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("muster c", {"certs", "completion"}),
        ("muster certs s", {"sign", "succeed"}),
        ("muster certs issue --profile g", {"gateway"}),
        ("muster certs issue --alg", {"--algorithm"}),
    ],
)
def test_what_is_completed(words: str, found: set[str]) -> None:
    variables = {
        "_MUSTER_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    result = CliRunner().invoke(main, [], prog_name="muster", env=variables)
    assert found <= {line.partition(",")[2] for line in result.output.splitlines()}
