"""Leaf certificates for many devices of a workspace, issued by its own CA chain."""

from bench.wire import Device
from bench.workspace import Workspace
from certs.chain import load_certificate
from certs.issue import KEY_FILE, LEAF_FILE, issue_device
from certs.store import KeyStore


def issue(workspace: Workspace, count: int, prefix: str) -> list[Device]:
    """Make `count` devices named `{prefix}-0001` and on, each with a key and a leaf on disk."""
    layout = workspace.layout
    issuer = load_certificate(layout.pki / "factory-local.pem")
    signer = KeyStore(layout.keys, layout.key_passphrase.read_bytes()).signer_for(issuer)
    id_scope, port = str(workspace.outputs()["idScope"]), int(workspace.endpoints["mqtt_port"])
    devices = []
    for number in range(1, count + 1):
        name = f"{prefix}-{number:04}"
        folder = workspace.root / "bench-devices" / name
        issue_device(signer, issuer, name, 1).write(folder)
        trust = layout.cloud / "tls-ca.pem"
        devices.append(Device(name, id_scope, folder / LEAF_FILE, folder / KEY_FILE, trust, port))
    return devices
