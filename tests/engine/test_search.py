"""Which engine is used: the order of PATH, versions, language hosts, and what the person is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import NoEngineError
from engine.search import Go, Official, choose, parse_version
from tests.engine.conftest import Put


def environment(tmp_path: Path, *folders: str) -> dict[str, str]:
    return {"PATH": ":".join(str(tmp_path / folder) for folder in folders)}


def official(put: Put, folder: str, version: str) -> Path:
    put(f"{folder}/pulumi-language-python")
    return put(f"{folder}/pulumi", f"echo {version}")


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v3.259.0", (3, 259, 0)),
        ("go1.26.8", (1, 26, 8)),
        ("go1.25", (1, 25, 0)),
        ("v3.300.1-alpha.1+dirty", (3, 300, 1)),
        ("", None),
        ("no version", None),
    ],
)
def test_versions_are_read_from_what_programs_say(text: str, version: object) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize("version", ["v3.259.0", "v3.300.5"])
def test_a_matching_engine_with_its_language_host_is_used(put: Put, tmp_path: Path, version: str) -> None:
    program = official(put, "bin", version)
    put("bin/go", "echo go1.26.8")
    assert choose(environment(tmp_path, "bin")) == Official(program, version.removeprefix("v"))


@pytest.mark.parametrize(
    ("version", "host", "reason"),
    [
        ("v3.258.9", True, "is v3.258.9, but 3.259.0 or newer, below 4.0.0, is needed"),
        ("v4.0.0", True, "is v4.0.0, but"),
        ("v3.260.0", False, "has no pulumi-language-python beside it"),
        ("unknown", True, "does not tell its version"),
    ],
)
def test_an_engine_that_does_not_match_is_passed_over(
    put: Put, tmp_path: Path, version: str, host: bool, reason: str
) -> None:
    put("bin/pulumi", f"echo {version}")
    if host:
        put("bin/pulumi-language-python")
    go = put("bin/go", "echo go1.26.8")
    assert choose(environment(tmp_path, "bin")) == Go(go, "go1.26.8")
    go.unlink()
    with pytest.raises(NoEngineError, match=reason):
        choose(environment(tmp_path, "bin"))


def test_a_later_match_on_path_wins_over_an_earlier_mismatch(put: Put, tmp_path: Path) -> None:
    official(put, "old", "v3.100.0")
    program = official(put, "new", "v3.270.0")
    assert choose(environment(tmp_path, "old", "new")) == Official(program, "3.270.0")


def test_a_link_to_an_official_engine_counts_by_what_it_points_to(put: Put, tmp_path: Path) -> None:
    program = official(put, "opt/pulumi", "v3.270.0")
    (tmp_path / "bin").mkdir()
    link = tmp_path / "bin" / "pulumi"
    link.symlink_to(program)
    assert choose(environment(tmp_path, "bin")) == Official(link, "3.270.0")


def test_what_an_earlier_set_up_put_on_path_is_no_official_engine(put: Put, tmp_path: Path) -> None:
    official(put, "clone/.tools/bin", "v3.259.0")
    (tmp_path / "clone" / ".tools" / "engine.json").write_text("{}")
    with pytest.raises(NoEngineError, match="no `pulumi` and no `go`"):
        choose(environment(tmp_path, "clone/.tools/bin"))


def test_an_engine_that_cannot_start_is_named(put: Put, tmp_path: Path) -> None:
    put("bin/pulumi-language-python")
    put("bin/pulumi", "exit 127")
    with pytest.raises(NoEngineError, match="does not tell its version"):
        choose(environment(tmp_path, "bin"))


def test_a_go_that_is_too_old_is_named_with_the_version_that_is_needed(put: Put, tmp_path: Path) -> None:
    go = put("bin/go", "echo go1.22.1")
    with pytest.raises(NoEngineError) as refused:
        choose(environment(tmp_path, "bin"))
    assert f"{go} is 1.22.1, but 1.25.11 or newer is needed" in str(refused.value)


def test_without_both_the_two_ways_out_are_told(tmp_path: Path) -> None:
    with pytest.raises(NoEngineError) as refused:
        choose(environment(tmp_path, "empty"))
    text = str(refused.value)
    assert "no `pulumi` and no `go` is on PATH" in text
    assert "install Pulumi 3.259.0 or newer, below 4.0.0" in text
    assert "install Go 1.25.11 or newer" in text


def test_go_is_never_asked_to_fetch_another_toolchain(put: Put, tmp_path: Path) -> None:
    put("bin/go", 'echo "go1.26.8-$GOTOOLCHAIN"')
    assert choose(environment(tmp_path, "bin")) == Go(tmp_path / "bin" / "go", "go1.26.8-local")
