"""A device's identity on disk, made at run time."""

from pathlib import Path

import pytest

from certs import authority
from certs.issue import issue_device
from certs.store import KeyStore

PASSPHRASE = b"a passphrase for tests"


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority: root.pem, oslo.pem, keys/."""
    folder = tmp_path_factory.mktemp("pki") / "pki"
    authority.init(folder, "coldchain", ["oslo"], PASSPHRASE)
    return folder


@pytest.fixture(scope="session")
def identity(pki: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with leaf.pem and key.pem of device reefer-1."""
    folder = tmp_path_factory.mktemp("device") / "reefer-1"
    issue(pki, "reefer-1", folder)
    return folder


def issue(pki: Path, registration_id: str, folder: Path) -> None:
    """Write the identity of one more device."""
    issuer = authority.load(pki).issuers["oslo"]
    signer = KeyStore(pki / authority.KEYS, PASSPHRASE).signer_for(issuer)
    issue_device(signer, issuer, registration_id, 30).write(folder)
