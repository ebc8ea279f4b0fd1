"""`muster certs` as a person meets it: output, exit codes, the prompt, no secret in anything it prints."""

from __future__ import annotations

import base64
import json
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives import serialization

from certs import authority, chain, passphrase
from certs.store import KeyStore
from cli.certs import certs

PASSPHRASE = "twelve or more, said the door"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("MUSTER_KEY_STORE", passphrase.FILE_VARIABLE, passphrase.VARIABLE):
        monkeypatch.delenv(variable, raising=False)


def run(*arguments: object, answers: str | None = None, **variables: str) -> Result:
    return CliRunner().invoke(certs, [str(part) for part in arguments], input=answers, env=dict(variables))


def with_pki(pki: Any) -> dict[str, str]:
    return {passphrase.VARIABLE: pki.passphrase.decode()}


def test_init_issue_and_verify(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(PASSPHRASE)
    secret.chmod(0o600)
    pki, out = tmp_path / "pki", tmp_path / "reefer-1"
    given = ("--passphrase-file", secret)
    made = run("init", "--directory", pki, "--name", "coldchain", "--factory", "oslo", *given)
    assert made.exit_code == 0, made.output
    assert f"{pki}/oslo.pem\n  subject  CN=coldchain oslo,O=coldchain" in made.output
    issued = run("issue", "reefer-1", "--issuer", pki / "oslo.pem", "--out", out, "--days", 30, *given)
    assert issued.exit_code == 0, issued.output
    assert f"not encrypted, mode 0600: {out}/key.pem" in issued.output
    verified = run("verify", out / "leaf.pem", "--root", pki / "root.pem", "--issuer", pki / "oslo.pem")
    assert (verified.exit_code, verified.output.splitlines()[-1]) == (0, "valid")
    assert run("verify", out / "leaf.pem", "--root", pki / "root.pem").exit_code == 0
    _assert_no_secret(made.output + issued.output + verified.output, _secrets(pki, out))


def _secrets(pki: Path, out: Path) -> list[bytes]:
    """Every private key that was made, as the bytes of its number, and the passphrase."""
    store, made = KeyStore(pki / "keys", PASSPHRASE.encode()), authority.load(pki)
    keys = [store.signer_for(found)._key for found in (made.root, *made.issuers.values())]  # type: ignore[attr-defined]
    keys.append(serialization.load_pem_private_key((out / "key.pem").read_bytes(), None))
    return [PASSPHRASE.encode(), *(key.private_numbers().private_value.to_bytes(32, "big") for key in keys)]


def _assert_no_secret(text: str, secrets: list[bytes]) -> None:
    data = text.encode()
    for secret in secrets:
        for form in (secret, secret.hex().encode(), base64.b64encode(secret)):
            assert form not in data


def test_public_files_hold_no_secret(tmp_path: Path) -> None:
    pki, out = tmp_path / "pki", tmp_path / "device"
    variables = {passphrase.VARIABLE: PASSPHRASE}
    run("init", "--directory", pki, "--name", "coldchain", "--factory", "oslo", **variables)
    run("issue", "a", "--issuer", pki / "oslo.pem", "--out", out, **variables)
    secrets = _secrets(pki, out)
    readable = [path for path in tmp_path.rglob("*") if path.is_file() and path != out / "key.pem"]
    assert len(readable) == 8
    for path in readable:
        text = path.read_bytes().decode("latin-1")  # the inventory is SQLite
        bodies = re.findall(r"-----BEGIN [A-Z0-9 ]+-----\n([^-]*)", text)
        decoded = b"".join(base64.b64decode(body) for body in bodies)
        _assert_no_secret(text + decoded.decode("latin-1"), secrets)
        assert not any(secret in decoded for secret in secrets)


def test_json_output(pki: Any, tmp_path: Path) -> None:
    variables = with_pki(pki)
    out = tmp_path / "device"
    made = run(
        "init", "--directory", tmp_path / "pki", "--name", "n", "--factory", "f", "--json", **variables
    )
    assert set(json.loads(made.stdout)["certificates"]) == {"root", "f"}
    issuer = pki.directory / "oslo.pem"
    issued = json.loads(run("issue", "a", "--issuer", issuer, "--out", out, "--json", **variables).stdout)
    assert (issued["key"], issued["subject"]) == (str(out / "key.pem"), "CN=a,O=coldchain")
    root = ("--root", pki.directory / "root.pem")
    good = run("verify", out / "leaf.pem", *root, "--issuer", issuer, "--json")
    assert json.loads(good.stdout)["valid"] is True
    wrong = run("verify", out / "leaf.pem", *root, "--issuer", pki.directory / "bergen.pem", "--json")
    assert wrong.exit_code == 1
    assert [fault["which"] for fault in json.loads(wrong.stdout)["faults"]] == ["leaf"]


def test_verify_tells_every_unreadable_file(pki: Any, tmp_path: Path) -> None:
    (tmp_path / "junk.pem").write_text("junk")
    done = run(
        "verify", tmp_path / "none.pem", "--root", tmp_path / "junk.pem", "--issuer", tmp_path / "lost.pem"
    )
    assert done.exit_code == 1
    assert all(name in done.stderr for name in ("none.pem", "junk.pem", "lost.pem"))


def test_the_prompt_asks_twice_to_make_and_once_to_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.certs.shared.somebody_answers", lambda: True)
    pki = tmp_path / "pki"
    making = ("init", "--directory", pki, "--name", "coldchain", "--factory", "oslo")
    made = run(*making, answers=f"{PASSPHRASE}\nother\n{PASSPHRASE}\n{PASSPHRASE}\n")
    assert made.exit_code == 0, made.output
    assert "do not match" in made.output
    using = ("issue", "a", "--issuer", pki / "oslo.pem", "--out", tmp_path / "a")
    issued = run(*using, answers=f"{PASSPHRASE}\n")
    assert issued.exit_code == 0, issued.output
    assert PASSPHRASE not in made.output + issued.output


def test_with_nobody_to_ask_the_sources_are_named(pki: Any, tmp_path: Path) -> None:
    done = run("issue", "a", "--issuer", pki.directory / "oslo.pem", "--out", tmp_path / "a")
    assert done.exit_code == 1
    assert passphrase.FILE_VARIABLE in done.stderr


@pytest.mark.parametrize(
    ("registration_id", "secret", "told"),
    [
        ("bad id", None, "registration id 'bad id'"),
        ("a", "this is the wrong one", "the passphrase does not open it"),
    ],
)
def test_refusals_exit_with_1_and_write_nothing(
    pki: Any, tmp_path: Path, registration_id: str, secret: str | None, told: str
) -> None:
    variables = {passphrase.VARIABLE: secret} if secret else with_pki(pki)
    issuer, out = pki.directory / "oslo.pem", tmp_path / "out"
    done = run("issue", registration_id, "--issuer", issuer, "--out", out, **variables)
    assert done.exit_code == 1
    assert told in done.stderr
    assert "Traceback" not in done.output
    assert not (secret and secret in done.output)
    assert list(tmp_path.iterdir()) == []


def test_another_key_store_is_named_by_option_or_environment(pki: Any, tmp_path: Path) -> None:
    issuer = tmp_path / "oslo.pem"
    issuer.write_text(chain.pem(pki.oslo))
    call = ("issue", "a", "--issuer", issuer, "--out", tmp_path / "a")
    assert "not in the key store" in run(*call, **with_pki(pki)).stderr
    assert run(*call, **with_pki(pki), MUSTER_KEY_STORE=str(pki.directory / "keys")).exit_code == 0


def test_wrong_usage_exits_with_2() -> None:
    assert run("init").exit_code == 2
    assert run("issue", "a", "--issuer", "x", "--out", "y", "--days", 0).exit_code == 2


def commands() -> list[tuple[str, ...]]:
    """Every command of `muster certs` that this part has."""
    alone = ["init", "issue", "sign", "verify"]
    grouped = {"ceremony": ["root", "request", "sign", "install"], "succeed": ["root", "issuer"]}
    return [(name,) for name in alone] + [(group, name) for group, names in grouped.items() for name in names]


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_help_has_an_example_that_parses(path: tuple[str, ...]) -> None:
    shown = run(*path, "--help").output
    example = re.search(rf"muster certs {' '.join(path)} (.*)", shown)
    assert example
    command: click.Command | None = certs
    for name in path:
        assert isinstance(command, click.Group)
        command = command.get_command(click.Context(command), name)
    assert command is not None
    assert command.make_context(path[-1], shlex.split(example.group(1)), resilient_parsing=False)
