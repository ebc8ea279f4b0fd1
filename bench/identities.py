"""Leaf certificates for many devices of a workspace, issued by its own CA chain."""

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.wire import Device
from bench.workspace import Workspace
from certs.chain import load_certificate, pem
from certs.issue import issue_leaf
from certs.store import KeyStore


def issue(workspace: Workspace, count: int, prefix: str) -> list[Device]:
    """Make `count` devices named `{prefix}-0001` and on, each with a key and a leaf on disk."""
    layout = workspace.layout
    issuer = load_certificate(layout.pki / "factory-local.pem")
    store = KeyStore(layout.keys, layout.key_passphrase.read_bytes().strip())
    signer = store.signer_for(issuer)
    folder = workspace.root / "bench-devices"
    folder.mkdir(mode=0o700, exist_ok=True)
    devices = []
    for number in range(1, count + 1):
        name = f"{prefix}-{number:04}"
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = issue_leaf(signer, issuer, name, key.public_key(), 1)
        (folder / f"{name}.pem").write_text(pem(leaf) + pem(issuer))
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        _write_secret(folder / f"{name}.key", secret)
        devices.append(_device(workspace, folder, name))
    return devices


def _write_secret(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)


def _device(workspace: Workspace, folder: Path, name: str) -> Device:
    return Device(
        registration_id=name,
        id_scope=str(workspace.outputs()["idScope"]),
        certificate=folder / f"{name}.pem",
        key=folder / f"{name}.key",
        trust=workspace.layout.cloud / "tls-ca.pem",
        port=int(workspace.endpoints["mqtt_port"]),
    )
