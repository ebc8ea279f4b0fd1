"""Assets and archives as the engine sends them, as bytes to upload."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from localcloud.providers import assets
from localcloud.providers.errors import ProviderError

ASSET = {assets.SIGNATURE: "c44067f5952c0a294b673a41bacd8c17"}
ARCHIVE = {assets.SIGNATURE: "0def7320c3a5731c473e5ecbe6d01bc7"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "b.py").write_text("b")
    (tmp_path / "a.txt").write_text("a")
    return tmp_path


def unpacked(raw: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_assets(folder: Path) -> None:
    assert assets.content(None) == b""
    assert assets.content(ASSET | {"text": "hello"}) == b"hello"
    assert assets.content(ASSET | {"path": str(folder / "a.txt")}) == b"a"
    assert assets.content(ARCHIVE | {"path": str(folder / "a.txt")}) == b"a"


def test_a_folder_is_the_same_zip_each_time(folder: Path) -> None:
    first = assets.content(ARCHIVE | {"path": str(folder)})
    (folder / "a.txt").touch()
    assert assets.content(ARCHIVE | {"path": str(folder)}) == first
    assert unpacked(first) == {"a.txt": b"a", "inner/b.py": b"b"}


def test_an_archive_of_parts(folder: Path) -> None:
    parts = {
        "host.json": ASSET | {"text": "{}"},
        "code": ARCHIVE | {"path": str(folder)},
        "more": ARCHIVE | {"assets": {"x": ASSET | {"text": "x"}}},
    }
    assert unpacked(assets.content(ARCHIVE | {"assets": parts})) == {
        "host.json": b"{}",
        "code/a.txt": b"a",
        "code/inner/b.py": b"b",
        "more/x": b"x",
    }


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"path": "x"}, "must be an asset or an archive"),
        (ASSET | {"uri": "https://example.com"}, "not of a URL"),
        (ASSET | {"path": "/nowhere/at/all"}, r"/nowhere/at/all cannot be read: No such file"),
    ],
)
def test_what_is_none(value: dict[str, Any], words: str) -> None:
    with pytest.raises(ProviderError, match=words):
        assets.content(value)


def test_sameness_is_content() -> None:
    left, right = ASSET | {"hash": "1", "path": "a"}, ASSET | {"hash": "1", "path": "b"}
    assert assets.both(left, right)
    assert not assets.both(left, {"hash": "1"})
