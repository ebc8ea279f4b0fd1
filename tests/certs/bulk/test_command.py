"""`muster certs bulk`, `export`, `line-key` and `plan` as a person meets them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from certs import authority, passphrase
from certs.bulk import measure
from certs.bulk.bundle import Bundle, job_of
from certs.life.books import Books
from cli.certs import certs
from cli.certs.line import FILE_VARIABLE, VARIABLE

PASSPHRASE = "twelve or more, said the door"
COUNT = ("--range", "reefer-{:03d}", "--count", 12, "--batch", 5)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("MUSTER_KEY_STORE", passphrase.FILE_VARIABLE, VARIABLE, FILE_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv(passphrase.VARIABLE, PASSPHRASE)


def run(*arguments: object, answers: str | None = None) -> Result:
    return CliRunner().invoke(certs, [str(part) for part in arguments], input=answers)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """An authority of the test's own, as its books are written to."""
    authority.init(tmp_path / "pki", "coldchain", ["oslo"], PASSPHRASE.encode())
    return tmp_path / "pki"


@pytest.fixture
def bulk(own: Path, tmp_path: Path, line: Any) -> Any:
    def call(*arguments: object, out: str = "a.bundle", recipient: str = line.recipient) -> Result:
        to = ("--recipient", recipient) if recipient else ()
        return run("bulk", "--issuer", own / "oslo.pem", "--out", tmp_path / out, *to, *arguments)

    return call


def test_issue_export_and_the_books(bulk: Any, own: Path, tmp_path: Path, line: Any) -> None:
    done = bulk(*COUNT)
    assert done.exit_code == 0, done.output
    assert "a.bundle: 12 devices, 12 of them now" in done.output
    assert f"head {Bundle.open(tmp_path / 'a.bundle').head.hex()}" in done.output
    to = ("--to", "pem", "--identity", line.identity, "--out", tmp_path / "flash")
    exported = run("export", tmp_path / "a.bundle", *to)
    assert exported.exit_code == 0, exported.output
    assert len(list((tmp_path / "flash").iterdir())) == 12
    leaf, root = tmp_path / "flash" / "reefer-007" / "leaf.pem", own / "root.pem"
    assert run("verify", leaf, "--root", root, "--issuer", own / "oslo.pem").exit_code == 0
    with Books.open(own) as books:
        assert books.audit().certificates == 12
        (held,) = books.inventory.by_id("reefer-007")
        assert held.issued.factory == "oslo"
    again = bulk("--range", "reefer-{:03d}", "--count", 3, "--start", 12, out="b.bundle")
    assert again.exit_code == 1
    assert "'reefer-012' has a certificate already" in again.stderr
    assert not (tmp_path / "b.bundle").exists()


def test_json(bulk: Any, tmp_path: Path, line: Any) -> None:
    told = json.loads(bulk(*COUNT, "--json", out="a.sqlite").stdout)
    assert (told["devices"], told["issuedNow"], told["resumedAfter"], told["cutBytes"]) == (12, 12, None, 0)
    assert told["head"] == Bundle.open(tmp_path / "a.sqlite").head.hex()
    again = json.loads(bulk(*COUNT, "--json", "--resume", out="a.sqlite").stdout)
    assert (again["issuedNow"], again["resumedAfter"], again["head"]) == (0, 12, told["head"])
    to = ("--to", "nvs", "--identity", line.identity, "--out", tmp_path / "nvs", "--only", "reefer-001")
    assert json.loads(run("export", tmp_path / "a.sqlite", *to, "--json").stdout)["devices"] == 1


def test_a_resume_says_where_it_went_on(bulk: Any, tmp_path: Path) -> None:
    assert bulk(*COUNT).exit_code == 0
    path = tmp_path / "a.bundle"
    data = path.read_bytes()
    path.write_bytes(data[: len(data) - 133 - 400])  # its end, and a part of its last batch
    refused = bulk(*COUNT)
    assert refused.exit_code == 1
    assert "--resume" in refused.stderr
    # The books have all twelve: what was cut is issued anew, under other serial numbers.
    refused = bulk(*COUNT, "--resume")
    assert refused.exit_code == 1
    assert "has a certificate already" in refused.stderr


def test_lists_and_requests_by_their_files(bulk: Any, own: Path, tmp_path: Path) -> None:
    (tmp_path / "devices.csv").write_text("registration_id\na\nb\n")
    assert bulk("--list", tmp_path / "devices.csv", "--days", 30, "--profile", "device").exit_code == 0
    assert job_of(tmp_path / "a.bundle").source == "devices.csv"
    (tmp_path / "requests").mkdir()
    done = bulk("--csrs", tmp_path / "requests", recipient="", out="b.bundle")
    assert (done.exit_code, "it is empty" in done.stderr) == (1, True)
    other = bulk("--range", "{}", "--count", 2, "--issued", tmp_path / "a.bundle", out="c.bundle")
    assert other.exit_code == 0, other.output


def test_certificates_name_the_lists_of_their_authority(bulk: Any, own: Path, tmp_path: Path) -> None:
    with Books.open(own) as books:
        books.set_lists("http://crl.example.com", 4)
    assert bulk(*COUNT).exit_code == 0
    assert job_of(tmp_path / "a.bundle").lists == ("http://crl.example.com/oslo", 4)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--range", "a-{}"),
        ("--count", 3),
        ("--range", "a-{}", "--count", 3, "--list", "x"),
        (*COUNT, "--workers", 2, "--scheduler", "tls://x:1"),
        (*COUNT, "--batch", 0),
    ],
)
def test_wrong_usage_exits_with_2(bulk: Any, arguments: tuple[object, ...], tmp_path: Path) -> None:
    assert bulk(*arguments).exit_code == 2
    assert not (tmp_path / "a.bundle").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--range", "a b{}", "--count", 1), "registration id 'a b1'"),
        (("--range", "a.{}", "--count", 1), "AWS IoT would refuse it"),
        ((*COUNT, "--algorithm", "ml-dsa-44"), "Azure"),
        ((*COUNT, "--scheduler", "tcp://10.0.0.1:8786"), "over TLS"),
        (("--range", "a", "--count", 1), "one place for the number"),
        (("--list", "none.csv"), "No such file"),
        ((*COUNT, "--days", 30000), "ask for at most"),
    ],
)
def test_refusals_exit_with_1_and_leave_nothing(
    bulk: Any, arguments: tuple[object, ...], told: str, tmp_path: Path
) -> None:
    done = bulk(*arguments)
    assert done.exit_code == 1, done.output
    assert told in done.stderr
    assert "Traceback" not in done.output
    assert not (tmp_path / "a.bundle").exists()


def test_without_a_recipient(bulk: Any) -> None:
    done = bulk(*COUNT, recipient="")
    assert (done.exit_code, "line-key" in done.stderr) == (1, True)


def test_a_line_key(tmp_path: Path) -> None:
    path = tmp_path / "line.key"
    made = run("line-key", "--out", path)
    assert re.fullmatch(r"age1[0-9a-z]{58}\n", made.output)
    assert made.output.strip() in path.read_text()
    assert run("line-key", "--out", path).exit_code == 1
    told = json.loads(run("line-key", "--out", tmp_path / "b.key", "--json").stdout)
    assert told["recipient"].startswith("age1")
    assert "SECRET" not in made.output


def test_pkcs12_takes_its_passphrase_from_a_file_a_variable_or_a_prompt(
    bulk: Any, tmp_path: Path, line: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bulk("--range", "a-{}", "--count", 1).exit_code == 0
    secret = tmp_path / "secret"
    secret.write_text("for the line alone")
    secret.chmod(0o600)
    call = ["export", tmp_path / "a.bundle", "--to", "pkcs12", "--identity", line.identity]
    call += ["--iterations", 100_000]
    none = run(*call, "--out", tmp_path / "1")
    assert (none.exit_code, "MUSTER_PKCS12_PASSPHRASE" in none.stderr) == (1, True)
    assert run(*call, "--out", tmp_path / "2", "--pkcs12-passphrase-file", secret).exit_code == 0
    monkeypatch.setattr("cli.certs.line.somebody_answers", lambda: True)
    asked = run(*call, "--out", tmp_path / "3", answers="for the line alone\nfor the line alone\n")
    assert asked.exit_code == 0, asked.output
    assert "for the line alone" not in asked.output
    monkeypatch.setenv("MUSTER_PKCS12_PASSPHRASE", "short")
    short = run(*call, "--out", tmp_path / "4")
    assert (short.exit_code, "at least 12" in short.stderr) == (1, True)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["2", "3", "pki"]


def test_plan(tmp_path: Path, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "SECONDS", 0.02)
    where = ("--directory", tmp_path, "--devices", 1000, "--workers", 1, "--algorithm", "ec-p256")
    shown = run("plan", *where)
    assert shown.exit_code == 0, shown.output
    assert re.search(r"ec-p256 +1 +0:00:0\d +1 MB", shown.output)
    told = json.loads(run("plan", *where, "--issuer", own / "oslo.pem", "--json").stdout)
    assert told["forecasts"][0]["disk_bytes"] > 500_000
    assert told["measured"]["processes"] == 1


def test_a_disk_that_is_too_small_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "SECONDS", 0.02)
    many = ("--devices", 10**12, "--workers", 1, "--algorithm", "ec-p256")
    assert "not enough" in run("plan", *many, "--directory", tmp_path).stderr


@pytest.mark.parametrize("name", ["bulk", "export", "line-key", "plan"])
def test_help_has_an_example_that_parses(name: str) -> None:
    shown = run(name, "--help").output
    example = re.search(rf"muster certs {name} (.*)", shown)
    assert example
    command = certs.get_command(click.Context(certs), name)
    assert command is not None
    assert command.make_context(name, example.group(1).split(), resilient_parsing=False)
