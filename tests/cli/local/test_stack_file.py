"""The committed stack file stays as it is, whatever Pulumi writes into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.local.stack_file import drop_salt, kept

TEXT = "# a comment\nconfig:\n  a:b: {c: 1}   # kept\n"
SALT = "encryptionsalt: v1:abc:v1:def\n"
SECRET = "  a:key:\n    secure: v1:x:y\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Pulumi.local.yaml"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize("written", [TEXT + SALT, SALT + "config:\n  a:b:\n    c: 1\n"])
def test_a_salt_and_another_layout_are_undone(file: Path, written: str) -> None:
    with kept(file):
        file.write_text(written)
    assert file.read_text() == TEXT


@pytest.mark.parametrize("written", [TEXT.replace("1", "2") + SALT, TEXT + SECRET + SALT])
def test_what_else_was_written_meanwhile_is_kept(file: Path, written: str) -> None:
    with kept(file):
        file.write_text(written)
    assert file.read_text() == written


def test_it_is_put_back_also_when_the_engine_fails(file: Path) -> None:
    def fail() -> None:
        with kept(file):
            file.write_text(TEXT + SALT)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert file.read_text() == TEXT


@pytest.mark.parametrize(
    ("before", "after"),
    [(TEXT + SALT, TEXT), (TEXT, TEXT), (TEXT + SECRET + SALT, TEXT + SECRET + SALT)],
)
def test_the_salt_of_an_earlier_state_goes_unless_secrets_need_it(
    file: Path, before: str, after: str
) -> None:
    file.write_text(before)
    drop_salt(file)
    assert file.read_text() == after


def test_no_file_is_no_fault(tmp_path: Path) -> None:
    drop_salt(tmp_path / "none.yaml")
    assert not (tmp_path / "none.yaml").exists()
