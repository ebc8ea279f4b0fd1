"""docs/certs.md, docs/certs/ceremony.md and docs/certs/key-loss.md do what they say, in their order."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from certs import clouds, passphrase, pkcs8, places, preflight
from certs.keys import ALGORITHMS
from certs.profiles import PROFILES
from cli.certs import certs

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ["certs.md", "certs/ceremony.md", "certs/key-loss.md"]
OVERVIEW = (DOCS / "certs.md").read_text()


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pkcs8, "COST", 16)
    monkeypatch.delenv(passphrase.FILE_VARIABLE, raising=False)
    monkeypatch.delenv("MUSTER_KEY_STORE", raising=False)
    monkeypatch.setenv(passphrase.VARIABLE, "only for this test")


def _run(line: str) -> None:
    words = shlex.split(line.replace("ROOT_SHA256", _root_sha256()))
    if words[0] == "openssl":
        subprocess.run(words, check=True, capture_output=True)
        return
    assert words[:2] == ["muster", "certs"]
    done = CliRunner().invoke(certs, words[2:])
    assert done.exit_code == 0, f"{line}\n{done.output}"


def _root_sha256() -> str:
    """What the operator wrote down."""
    record = Path("offline/authority.json")
    found = json.loads(record.read_text())["certificates"]["root"]["sha256"] if record.exists() else ""
    return str(found)


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shutil.which("openssl")
    text = "".join(_blocks(page, "sh")).replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    assert len(lines) >= 5
    for line in lines:
        _run(line)
    monkeypatch.setenv("MUSTER_KEY_STORE", "pki/keys")
    for block in _blocks(page, "python"):
        exec(compile(block, page, "exec"), {})  # noqa: S102 - the page's own example
    assert page != "certs.md" or (tmp_path / "devices" / "reefer-2" / "leaf.pem").is_file()


def test_the_table_of_profiles_is_right() -> None:
    names = {"digital_signature": "digitalSignature", "key_cert_sign": "keyCertSign", "crl_sign": "cRLSign"}
    purposes = {"1.3.6.1.5.5.7.3.1": "serverAuth", "1.3.6.1.5.5.7.3.2": "clientAuth"}
    for profile in PROFILES.values():
        path = "" if profile.path_length is None else f", {profile.path_length}"
        usage = ", ".join(names[each] for each in profile.key_usage)
        usage += "; with RSA keyEncipherment" if profile.rsa_key_usage else ""
        extended = (
            ", ".join(purposes[each.dotted_string] for each in profile.extended_key_usage) or "\N{EN DASH}"
        )
        ca = f"yes{path}" if profile.ca else "no"
        assert f"| {profile.name} | {ca} | {usage} | {extended} | {profile.days} |" in OVERVIEW


def test_the_table_of_clouds_is_right() -> None:
    taken = [name for name in ALGORITHMS if all(name in cloud.keys for cloud in clouds.CHOICES["both"])]
    assert taken == ["ec-p256", "ec-p384", "rsa-2048", "rsa-3072"]
    assert f"`--for {' | '.join(clouds.CHOICES)}`" in OVERVIEW
    assert all(f"--as {service}" in OVERVIEW for service in preflight.SERVICES)


def test_every_kind_of_signer_is_told_of() -> None:
    page = (DOCS / "certs" / "ceremony.md").read_text()
    assert all(f"| `{kind}` |" in page for kind in places.KINDS)


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)", (DOCS / page).read_text()):
            assert ((DOCS / page).parent / target).exists() or target.endswith("factory-line.md"), target


def test_the_example_of_a_key_service_parses() -> None:
    (block,) = _blocks("certs/ceremony.md", "text")
    command = certs.get_command(click.Context(certs), "init")
    assert command is not None
    assert command.make_context("init", shlex.split(block)[3:])
