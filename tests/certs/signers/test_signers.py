"""Every kind of signer makes an authority whose devices verify, is found by the key store, fails in words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken
from cryptography import x509

from certs import assemble, issue, possession, profiles
from certs.chain import verify_leaf
from certs.errors import DamagedKeyError, PassphraseError, SignerError, SignerUnavailableError
from certs.keys import ALGORITHMS
from certs.signers import Signer, aws_kms, azure_key_vault, pkcs11, references
from certs.signers.file import FileSigner
from certs.signers.references import Reference, open_reference
from certs.store import KeyStore
from tests.certs.signers import key_vault
from tests.certs.signers.conftest import Token


def _root(signer: Signer) -> x509.Certificate:
    order = assemble.Order(profiles.ROOT, assemble.subject("root"), signer.public_key(), 99)
    return assemble.self_signed(order, signer)


def _works(reference: Reference, store: KeyStore) -> None:
    """Found by its certificate alone, it issues a device and proves possession."""
    root = _root(open_reference(reference))
    store.refer(root.public_key(), reference)
    signer = store.signer_for(root)
    device = issue.issue_device(signer, root, "reefer-1", 9)
    verify_leaf(device.certificate, [], root)
    possession.prove(signer, root, "0123ABCD").verify_directly_issued_by(root)


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "keys", b"twelve or more")


@pytest.mark.parametrize("algorithm", ["ec-p256", "ec-p384", "rsa-2048", "rsa-3072"])
def test_pkcs11(token: Token, algorithm: str, store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(pkcs11.PIN_VARIABLE, token.pin)
    made = pkcs11.new_key(token.module, token.label, f"oslo {algorithm}", ALGORITHMS[algorithm])
    _works(made, store)
    with pytest.raises(SignerError, match="already"):
        pkcs11.new_key(token.module, token.label, f"oslo {algorithm}", ALGORITHMS[algorithm])


def test_pkcs11_refuses_in_words(token: Token, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    named = {"signer": "pkcs11", "module": str(token.module), "token": token.label, "key": "00" * 20}
    monkeypatch.delenv(pkcs11.PIN_VARIABLE, raising=False)
    with pytest.raises(PassphraseError, match="no PIN of the token: set MUSTER_PKCS11_PIN_FILE"):
        open_reference(named | {"token": token.unopened})
    monkeypatch.setenv(pkcs11.PIN_VARIABLE, token.pin)
    with pytest.raises(SignerError, match="there is none"):
        open_reference(named)
    with pytest.raises(SignerError, match=r"token 'other'.*there is none"):
        open_reference(named | {"token": "other"})
    with pytest.raises(SignerUnavailableError, match="the module failed"):
        open_reference(named | {"module": str(tmp_path / "none.so")})
    with pytest.raises(SignerError, match="CKA_ID in hex"):
        open_reference(named | {"key": "oslo"})
    with pytest.raises(SignerError, match="not supported: use ec-p256, ec-p384"):
        pkcs11.new_key(token.module, token.label, "odd", ALGORITHMS["ml-dsa-44"])


def test_a_wrong_pin_is_told_and_not_shown(
    token: Token, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "pin"
    secret.write_text("wrong-pin-19")
    secret.chmod(0o600)
    monkeypatch.setenv(pkcs11.PIN_FILE_VARIABLE, str(secret))
    with pytest.raises(SignerError, match="the PIN does not open it") as caught:
        pkcs11.new_key(token.module, token.unopened, "oslo", ALGORITHMS["ec-p256"])
    assert "wrong-pin-19" not in str(caught.value)


def test_aws_kms(kms: str, store: KeyStore) -> None:
    for algorithm in ("ec-p256", "ec-p384", "rsa-2048"):
        _works(aws_kms.new_key(kms, f"oslo {algorithm}", ALGORITHMS[algorithm]), store)
    with pytest.raises(SignerError, match="NotFoundException"):
        open_reference({"signer": "aws-kms", "region": kms, "key": "alias/none"})


def test_aws_kms_that_goes_away_in_the_middle(kms: str, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = open_reference(aws_kms.new_key(kms, "oslo", ALGORITHMS["ec-p256"]))
    root = _root(signer)
    monkeypatch.setattr(signer._client, "sign", _refused)  # type: ignore[attr-defined]
    with pytest.raises(SignerUnavailableError, match="Could not connect"):
        issue.issue_device(signer, root, "reefer-1", 9)


def _refused(**_: object) -> None:
    from botocore.exceptions import EndpointConnectionError

    raise EndpointConnectionError(endpoint_url="https://kms")


def test_references_are_whole_or_refused(store: KeyStore, tmp_path: Path) -> None:
    with pytest.raises(SignerError, match="must be one of pkcs11, aws-kms, azure-key-vault"):
        references.check({"signer": "paper"})
    with pytest.raises(SignerError, match=r"lacks 'region'; it has 'pin', which.*; it has an empty 'key'"):
        references.check({"signer": "aws-kms", "key": "", "pin": "1"})
    key = FileSigner(ALGORITHMS["ec-p256"].generate())
    name = store.refer(key.public_key(), {"signer": "aws-kms", "key": "a", "region": "b"})
    (tmp_path / "keys" / f"{name}.json").write_text("[1]")
    with pytest.raises(DamagedKeyError, match="no reference to a key"):
        store.signer_for(_root(key))


def test_a_reference_to_another_key_is_refused(
    token: Token, store: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(pkcs11.PIN_VARIABLE, token.pin)
    made = pkcs11.new_key(token.module, token.label, "another", ALGORITHMS["ec-p256"])
    other = _root(FileSigner(ALGORITHMS["ec-p256"].generate()))
    store.refer(other.public_key(), made)
    with pytest.raises(DamagedKeyError, match="leads to another key"):
        store.signer_for(other)


class _Credential:
    """A token for the test's vault."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *_: str, **__: object) -> AccessToken:
        return AccessToken(self._token, 2**31)


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[key_vault.Vault]:
    with key_vault.running(tmp_path) as found:
        monkeypatch.setenv("MUSTER_PROXY", found.proxy)
        monkeypatch.setenv("MUSTER_CA_FILE", str(tmp_path / "ca.pem"))
        monkeypatch.setattr(azure_key_vault, "DefaultAzureCredential", lambda **_: _Credential(found.token))
        yield found


def test_azure_key_vault(vault: key_vault.Vault, store: KeyStore) -> None:
    for algorithm in ("ec-p256", "ec-p384", "rsa-2048"):
        name = f"oslo-{algorithm}"
        _works(azure_key_vault.new_key(f"https://{key_vault.HOST}", name, ALGORITHMS[algorithm]), store)
    with pytest.raises(SignerError, match="signs with no Ed25519 keys: use ec-p256"):
        azure_key_vault.new_key(f"https://{key_vault.HOST}", "odd", ALGORITHMS["ed25519"])


def test_azure_key_vault_refuses_in_words(vault: key_vault.Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SignerError, match="is no key of a vault"):
        open_reference({"signer": "azure-key-vault", "key": f"https://{key_vault.HOST}/keys/oslo"})
    missing = f"https://{key_vault.HOST}/keys/oslo/{'0' * 32}"
    with pytest.raises(SignerError, match="KeyNotFound"):
        open_reference({"signer": "azure-key-vault", "key": missing})
    made = azure_key_vault.new_key(f"https://{key_vault.HOST}", "oslo", ALGORITHMS["ec-p256"])
    signer = open_reference(made)
    root = _root(signer)
    monkeypatch.setattr(vault, "failing", True)
    monkeypatch.setattr("time.sleep", lambda _: None)  # the client's own retries wait seconds
    with pytest.raises(SignerUnavailableError, match="InternalServerError"):
        issue.issue_device(signer, root, "reefer-1", 9)
