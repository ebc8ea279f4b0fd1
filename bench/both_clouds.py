"""`pulumi preview` of one description on both clouds and on each alone; and what grows with devices.

Each of the three is the local stack in a workspace of its own, up, with nothing to change. For the resources
a fleet on AWS is previewed, with a claim and a manifest for ten devices, and with the same for a million.
"""

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from bench.report import section
from bench.rounds import Series, interleave, ratio, seconds
from bench.workspace import Workspace, started
from certs.chain import load_certificate
from certs.issue import issue_device
from certs.store import KeyStore

SMALL, VAST = 10, 1_000_000
QUICK = 20_000
"""The larger fleet of a `make bench` that has ten minutes."""
ROUNDS = 7
_SERIAL_BYTES = 8


@dataclass(frozen=True)
class Clouds:
    """Seconds a preview."""

    both: Series
    azure: Series
    aws: Series

    @property
    def one_by_one(self) -> Series:
        """What two previews take, one of each cloud."""
        pairs = zip(self.azure.values, self.aws.values, strict=True)
        return Series("one by one", [azure + aws for azure, aws in pairs])


def measure(workspace: Workspace, rounds: int = ROUNDS) -> Clouds:
    """Bring the stack up on each cloud alone, beside the workspace's own on both; preview all in turn."""
    with ExitStack() as others:
        azure = others.enter_context(started(devices=0, cloud="azure"))
        aws = others.enter_context(started(devices=0, cloud="aws"))
        series = interleave(
            rounds,
            both=lambda: _preview(workspace),
            azure=lambda: _preview(azure),
            aws=lambda: _preview(aws),
        )
    return Clouds(**series)


def report(found: Clouds, resources_for: dict[int, int]) -> str:
    """The section: the previews, and the resources by number of devices."""
    rows = [
        ("both clouds", found.both.spread(2)),
        ("Azure alone", found.azure.spread(2)),
        ("AWS alone", found.aws.spread(2)),
        *((f"resources on AWS for {size:,} devices", f"{many}") for size, many in resources_for.items()),
    ]
    goal = (
        f"Both take {ratio(found.both, found.one_by_one):.2f} times as long as one after the other, "
        f"{ratio(found.both, found.azure):.2f} times as long as Azure alone and "
        f"{ratio(found.both, found.aws):.2f} times as long as AWS alone. The number of resources "
        f"{'does not grow' if len({*resources_for.values()}) == 1 else 'GROWS'} with the devices."
    )
    how = "The local stack, up, nothing changed; the resources by a claim and a manifest for so many devices."
    return section("Preview, both clouds and one", how, "seconds", rows, goal)


def _preview(workspace: Workspace) -> float:
    return seconds(lambda: workspace.pulumi("preview", "--expect-no-changes"))


def resources(workspace: Workspace, devices: int) -> int:
    """How many resources the engine would make for a fleet of so many devices on AWS."""
    name = f"things-{devices}"
    rows = Path("manifests") / f"{name}.csv"
    _write_rows(workspace, workspace.root / rows, devices)
    file = workspace.root / "stacks" / f"Pulumi.{name}.yaml"
    file.write_text(yaml.safe_dump({"config": described(workspace, rows, devices)}, sort_keys=False))
    workspace.pulumi("stack", "init", stack=name)
    told: dict[str, Any] = json.loads(workspace.pulumi("preview", "--json", stack=name))
    (workspace.root / rows).unlink()
    return created(told)


def created(told: dict[str, Any]) -> int:
    """What a preview of a new stack creates. Raises RuntimeError when it would do anything else."""
    changes: dict[str, int] = told["changeSummary"]
    if set(changes) != {"create"}:
        raise RuntimeError(f"the preview of a new stack would do {changes}")
    return changes["create"]


def described(workspace: Workspace, rows: Path, devices: int) -> dict[str, Any]:
    """A fleet on AWS: so many may come by claim, and so many are in the manifest."""
    state = workspace.layout.state.relative_to(workspace.root)
    attestation = {"x509": {"issuer": "factory-local"}}
    claim = {"certificates": {"local": str(state / "claims" / "local.pem")}, "allow": "any", "limit": devices}
    return {
        "aws:region": "eu-west-1",
        "muster:fleet": {
            "name": "things",
            "clouds": ["aws"],
            "aws": {},
            "identity": {
                "root": str(state / "pki" / "root.pem"),
                "issuers": {"factory-local": str(state / "pki" / "factory-local.pem")},
            },
            "groups": {"vans": {"attestation": attestation, "aws": {"enrolment": {"claim": claim}}}},
            "manifests": {"reefers": {"file": str(rows), "attestation": "x509"}},
        },
    }


def _write_rows(workspace: Workspace, file: Path, devices: int) -> None:
    layout = workspace.layout
    issuer = load_certificate(layout.pki / "factory-local.pem")
    signer = KeyStore(layout.keys, layout.key_passphrase.read_bytes()).signer_for(issuer)
    first = issue_device(signer, issuer, thing(0)).certificate
    file.parent.mkdir(exist_ok=True)
    with file.open("w") as out:
        out.write("registration_id,tags.site,certificate\n")
        out.writelines(f"{name},oslo,{made}\n" for name, made in islice(alike(first), devices))


def thing(number: int) -> str:
    """The name of a thing; all are of one length."""
    return f"reefer-{number:07}"


def alike(first: x509.Certificate) -> Iterator[tuple[str, str]]:
    """Names, and certificates (base64) like that of `thing(0)` with other names and serial numbers.

    They are well-formed, and signed by nobody: AWS IoT takes them as they are, and no preview verifies them.
    """
    der = first.public_bytes(serialization.Encoding.DER)
    known = first.serial_number.to_bytes((first.serial_number.bit_length() + 7) // 8, "big")
    if len(known) <= _SERIAL_BYTES or der.count(known) != 1:
        raise ValueError("the certificate's serial number is too short to be told from the rest")
    for number in count():
        serial = known[:-_SERIAL_BYTES] + number.to_bytes(_SERIAL_BYTES, "big")
        named = der.replace(known, serial).replace(thing(0).encode(), thing(number).encode())
        yield thing(number), base64.b64encode(named).decode()
