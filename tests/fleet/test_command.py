"""`muster` and `muster fleet` as people and scripts meet them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cli import main as front
from cli.main import main
from fleet import Fault, FleetError, schema

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parent / "data"
LOCAL = ROOT / "stacks" / "Pulumi.local.yaml"


def test_a_sound_file_exits_0() -> None:
    result = CliRunner().invoke(main, ["fleet", "check", str(LOCAL)])
    assert (result.exit_code, result.output) == (
        0,
        f"{LOCAL}: sound (fleet coldchain: 2 hubs, eu-west-1, 2 groups)\n",
    )


def test_a_fleet_on_aws_is_told_by_its_region() -> None:
    file = str(ROOT / "examples" / "aws-only" / "Pulumi.aws-only.yaml")
    result = CliRunner().invoke(main, ["fleet", "check", file])
    assert (result.exit_code, result.output) == (0, f"{file}: sound (fleet aws-only: eu-west-1, 1 group)\n")


def test_one_bad_file_among_sound_ones_exits_1() -> None:
    result = CliRunner().invoke(main, ["fleet", "check", str(LOCAL), str(DATA / "Pulumi.empty.yaml")])
    assert result.exit_code == 1
    assert "sound" in result.output
    assert "1 fault" in result.output


@pytest.mark.parametrize(
    "arguments", [["fleet", "check"], ["fleet", "chek"], ["flet"], ["fleet", "check", "--jsn", "x"]]
)
def test_wrong_usage_exits_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == 2


def test_json_has_every_fault() -> None:
    file = str(DATA / "Pulumi.ten-faults.yaml")
    result = CliRunner().invoke(main, ["fleet", "check", "--json", file, str(LOCAL)])
    document = json.loads(result.stdout)
    assert result.exit_code == 1
    assert document["files"] == [{"file": file, "sound": False}, {"file": str(LOCAL), "sound": True}]
    assert len(document["faults"]) == 10
    assert document["faults"][0] == {
        "file": file,
        "line": 3,
        "column": 26,
        "path": "config.azure-native:location",
        "wrong": '"West Europe" is no Azure location',
        "right": "should be a region's short name, such as westeurope or eastus2",
    }


def test_schema_is_printed() -> None:
    assert CliRunner().invoke(main, ["fleet", "schema"]).stdout == schema.text()


def test_certificates_are_checked_on_request(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").touch()
    (tmp_path / "stacks").mkdir()
    file = tmp_path / "stacks" / "Pulumi.local.yaml"
    file.write_text(LOCAL.read_text())
    assert CliRunner().invoke(main, ["fleet", "check", str(file)]).exit_code == 0
    result = CliRunner().invoke(main, ["fleet", "check", "--certificates", "--json", str(file)])
    assert result.exit_code == 1
    faults = json.loads(result.output)["faults"]
    assert [fault["path"] for fault in faults] == [
        "identity.root",
        "identity.issuers.factory-local",
        "groups.vans.aws.enrolment.claim.certificates.local",
    ]
    assert all(fault["line"] and "No such file" in fault["wrong"] for fault in faults)


def test_a_policy_that_aws_would_not_take_is_a_fault_too(tmp_path: Path) -> None:
    topics = ", ".join(f"measurement-{number:03}" for number in range(20))
    text = (ROOT / "examples" / "aws-only" / "Pulumi.aws-only.yaml").read_text()
    file = tmp_path / "Pulumi.aws-only.yaml"
    asked = f"        aws: {{permissions: {{publish: [telemetry, {topics}]}}}}\n        attestation:"
    file.write_text(text.replace("        attestation:", asked, 1))
    result = CliRunner().invoke(main, ["fleet", "check", "--json", str(file)])
    assert result.exit_code == 1, result.output
    (fault,) = json.loads(result.output)["faults"]
    assert fault["path"].endswith(".aws.permissions")
    assert fault["line"] is not None
    assert "bytes; AWS takes 2,048" in fault["wrong"]
    assert "name fewer topics (21 are named) or shorten them" in fault["right"]


def test_names_from_a_file_cannot_steer_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.x.yaml"
    file.write_text('config: {"muster:fleet": {"\\e]0;owned\\a\\u202e\\ud800": 1, name: "\\e[31m"}}')
    result = CliRunner().invoke(main, ["fleet", "check", str(file)])
    assert result.exit_code == 1
    assert all(line.isprintable() for line in result.output.splitlines())


def test_help_imports_no_subcommand() -> None:
    code = (
        "import sys\nfrom cli.main import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "assert not {'fleet', 'certs', 'yaml', 'rich', 'pulumi', 'cryptography'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    for name in front.COMMANDS:
        assert f"\n  {name}" in done.stdout


def test_every_command_shows_an_example() -> None:
    without = [
        name for name, command in _leaves(main) if "Example:" not in command.get_help(_context(command))
    ]
    assert without == []


def _leaves(command: click.Command, name: str = "muster") -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield name, command
        return
    for each in command.list_commands(_context(command)):
        below = command.get_command(_context(command), each)
        assert below is not None
        yield from _leaves(below, f"{name} {each}")


def _context(command: click.Command) -> click.Context:
    return click.Context(command, info_name="muster")


def test_a_users_error_has_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def fails() -> None:
        raise FleetError([Fault("a.yaml", 3, 4, "name", "wrong", "right")])

    monkeypatch.setattr(sys.modules[__name__], "fails", fails, raising=False)
    monkeypatch.setitem(front.COMMANDS, "fails", (f"{__name__}:fails", "Fails."))
    result = CliRunner().invoke(main, ["fails"])
    assert (result.exit_code, result.stderr) == (1, "Error: a.yaml:3:4: name: wrong; right\n")


def test_an_error_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def fails() -> None:
        raise RuntimeError("ours")

    monkeypatch.setattr(sys.modules[__name__], "fails", fails, raising=False)
    monkeypatch.setitem(front.COMMANDS, "fails", (f"{__name__}:fails", "Fails."))
    assert isinstance(CliRunner().invoke(main, ["fails"]).exception, RuntimeError)
