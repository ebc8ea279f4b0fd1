"""What lands in `.tools/bin`, and when it counts as being there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from engine import install
from engine.build import VERSION
from engine.install import Engine, ensure, installed
from tests.engine.conftest import Put


def quiet(_text: str, _done: int, _total: int) -> None:
    """Show nothing."""


@pytest.fixture
def official(put: Put, tmp_path: Path) -> dict[str, str]:
    put("opt/pulumi-language-python")
    put("opt/pulumi", "echo v3.270.0")
    return {"PATH": str(tmp_path / "opt")}


@pytest.fixture
def built(put: Put, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = put("cache/pulumi", "echo v3.259.0")
    put("bin/go", "echo go1.26.8")
    monkeypatch.setattr(install, "ensure_built", lambda *_: program)
    return program


def test_an_official_engine_is_linked_with_nothing_of_ours_beside_it(
    official: dict[str, str], tmp_path: Path
) -> None:
    engine = ensure(tmp_path, official, quiet)
    assert engine == Engine(tmp_path / "opt" / "pulumi", "3.270.0", built=False)
    assert [file.name for file in (tmp_path / ".tools" / "bin").iterdir()] == ["pulumi"]
    assert (tmp_path / ".tools" / "bin" / "pulumi").resolve() == tmp_path / "opt" / "pulumi"


def test_a_built_engine_gets_our_language_host_beside_it(built: Path, tmp_path: Path) -> None:
    engine = ensure(tmp_path, {"PATH": str(tmp_path / "bin")}, quiet)
    assert engine == Engine(built, VERSION, built=True)
    assert (tmp_path / ".tools" / "bin" / "pulumi").samefile(built)
    host = tmp_path / ".tools" / "bin" / "pulumi-language-python"
    assert os.access(host, os.X_OK)
    assert "engine.language_host" in host.read_text()


def test_on_another_file_system_the_engine_is_copied(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_self: Path, _target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    ensure(tmp_path, {"PATH": str(tmp_path / "bin")}, quiet)
    copy = tmp_path / ".tools" / "bin" / "pulumi"
    assert copy.read_bytes() == built.read_bytes()
    assert os.access(copy, os.X_OK)


def test_a_second_time_nothing_is_looked_for(official: dict[str, str], tmp_path: Path) -> None:
    engine = ensure(tmp_path, official, quiet)
    assert ensure(tmp_path, {"PATH": ""}, quiet) == engine


@pytest.mark.parametrize("gone", ["opt/pulumi", ".tools/bin/pulumi", ".tools/engine.json"])
def test_what_has_gone_is_set_up_again(official: dict[str, str], tmp_path: Path, gone: str) -> None:
    ensure(tmp_path, official, quiet)
    (tmp_path / gone).unlink()
    assert installed(tmp_path / ".tools") is None


@pytest.mark.parametrize(("version", "is_built"), [("3.258.0", False), ("4.0.0", False), ("3.258.0", True)])
def test_an_engine_of_another_version_is_replaced(
    built: Path, tmp_path: Path, version: str, is_built: bool
) -> None:
    environment = {"PATH": str(tmp_path / "bin")}
    ensure(tmp_path, environment, quiet)
    record = tmp_path / ".tools" / "engine.json"
    record.write_text(json.dumps({"program": str(built), "version": version, "built": is_built}))
    assert installed(tmp_path / ".tools") is None
    assert ensure(tmp_path, environment, quiet).version == VERSION
