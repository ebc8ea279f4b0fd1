"""A device that is killed on its way from a claim to a certificate of its own goes on from there."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from agent import certificates
from agent.aws.progress import TOKEN_LIFE, Progress

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def issued(key: certificates.Key) -> str:
    """What AWS would make: a name of its own choice, its own signature."""
    name = x509.Name.from_rfc4514_string("CN=AWS IoT Certificate")
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, NOW, NOW + timedelta(days=1))
    return (
        made.sign(certificates.new_key(), hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    )


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    return Progress(tmp_path, lambda: NOW)


def test_the_key_is_made_once_and_private(progress: Progress, tmp_path: Path) -> None:
    first = progress.key()
    assert progress.key().private_numbers() == first.private_numbers()
    files = [tmp_path / "claim" / "key.pem"]
    assert (tmp_path / "claim").stat().st_mode & 0o777 == 0o700
    progress.keep(issued(first), "a token")
    files += [tmp_path / "claim" / "created.json", tmp_path / "claim" / "leaf.pem"]
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600] * 3


def test_what_was_made_is_found_again_and_its_token_is_not_shown(progress: Progress) -> None:
    key = progress.key()
    assert progress.created(key) is None
    kept = progress.keep(issued(key), "a secret token")
    assert progress.created(key) == kept
    assert kept.until == NOW + TOKEN_LIFE
    assert "a secret token" not in repr(kept)
    progress.forget()
    assert progress.created(key) is None


def test_a_clock_that_was_set_back_does_not_keep_a_token_alive(progress: Progress, tmp_path: Path) -> None:
    key = progress.key()
    progress.keep(issued(key), "a token")
    before = NOW - timedelta(days=900)
    found = Progress(tmp_path, lambda: before).created(key)
    assert found is not None
    assert found.until == before


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pem": 1}', '{"pem": "x", "token": "t", "until": "?"}'])
def test_a_damaged_file_is_as_good_as_none(progress: Progress, tmp_path: Path, content: str) -> None:
    key = progress.key()
    (tmp_path / "claim" / "created.json").write_text(content)
    assert progress.created(key) is None


def test_a_damaged_key_takes_what_was_made_for_it_along(progress: Progress, tmp_path: Path) -> None:
    key = progress.key()
    progress.keep(issued(key), "a token")
    (tmp_path / "claim" / "key.pem").write_text("half a k")
    new = progress.key()
    assert new.private_numbers() != key.private_numbers()
    assert progress.created(new) is None


def test_the_end_leaves_nothing(progress: Progress, tmp_path: Path) -> None:
    progress.keep(issued(progress.key()), "a token")
    progress.end()
    progress.end()
    assert list(tmp_path.iterdir()) == []
