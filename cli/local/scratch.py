"""A throw-away project: the same program and descriptions, with a state, a local cloud and a CA of its own.

A preview needs certificates where a description names some, though nothing is issued by them: they stand in a
key store elsewhere, or nowhere yet. So a scratch project has made-up ones at the same paths. Nothing of it
touches the project it is made from.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509

from certs import authority, issue
from certs.chain import pem
from certs.store import KeyStore
from cli.local.layout import Layout
from fleet import Fleet
from fleet.description import Claim, ClientCertificate

_PLACEHOLDER = "a-secret-that-this-preview-does-not-know"
_OF_SECRETS = ("encryptionsalt", "encryptedkey", "secretsprovider")
_LEFT_OUT = frozenset({".git", ".muster"})
_COPIED = (Path("Pulumi.yaml"), Path("__main__.py"))
"""Read by the engine and the program as the project's own: a link would lead them back to the original."""


@dataclass(frozen=True)
class Scratch:
    """A scratch project, and where the keys of each stack's made-up CA are."""

    layout: Layout
    keys: Mapping[str, Path]


def lay_out(project: Path, root: Path, fleets: Mapping[str, Fleet]) -> Scratch:
    """Make a scratch project of `project` in `root`, an empty folder, where these stacks can be previewed."""
    stacks = [Path("stacks") / f"Pulumi.{stack}.yaml" for stack in fleets]
    made_up = [path for fleet in fleets.values() for path in _identities(fleet)]
    _shadow(project, root, {path.parts for path in (*_COPIED, *stacks, *made_up)})
    for path in _COPIED:
        shutil.copy(project / path, root / path)
    for path in stacks:
        _copy_without_secrets(project / path, root / path)
    layout = Layout(root)
    layout.create()
    for path in (layout.pulumi_passphrase, layout.key_passphrase):
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(32))
    return Scratch(layout, {stack: _make_up(layout, stack, fleet) for stack, fleet in fleets.items()})


def _identities(fleet: Fleet) -> Iterator[Path]:
    """Paths of all certificates that a description names."""
    yield Path(fleet.identity.root)
    yield from map(Path, fleet.identity.issuers.values())
    yield from (path for path, _ in _leaves(fleet))


def _leaves(fleet: Fleet) -> Iterator[tuple[Path, str]]:
    """Certificates of single devices and whose they are, and claim certificates."""
    for registration_id, enrollment in fleet.enrollments.items():
        if isinstance(enrollment.attestation, ClientCertificate):
            named = (enrollment.attestation.certificate, enrollment.attestation.secondary)
            yield from ((Path(path), registration_id) for path in named if path is not None)
    for group in fleet.groups.values():
        if group.aws is not None and isinstance(group.aws.enrolment, Claim):
            yield from ((Path(path), "claim") for path in group.aws.enrolment.certificates.values())


def _shadow(source: Path, target: Path, own: Set[tuple[str, ...]]) -> None:
    """Link what is in `source`, but for paths of our own: on the way to those are folders of our own."""
    heads = {parts[0] for parts in own}
    for entry in source.iterdir():
        if entry.name not in heads | _LEFT_OUT:
            (target / entry.name).symlink_to(entry)
    for head in heads:
        below = {parts[1:] for parts in own if parts[0] == head and len(parts) > 1}
        if below:
            (target / head).mkdir()
        if below and head not in _LEFT_OUT and (source / head).is_dir():
            _shadow(source / head, target / head, below)


def _copy_without_secrets(source: Path, target: Path) -> None:
    """Copy a stack file; secrets in it, which only the stack's own key could open, become placeholders."""
    text = source.read_text()
    document = yaml.safe_load(text)
    if isinstance(document, dict) and ("secure:" in text or any(key in document for key in _OF_SECRETS)):
        kept = {key: value for key, value in document.items() if key not in _OF_SECRETS}
        text = yaml.safe_dump(_opened(kept), sort_keys=False, allow_unicode=True)
    target.write_text(text)


def _opened(value: Any) -> Any:  # noqa: ANN401  whatever stands in a stack file
    if isinstance(value, dict):
        return (
            _PLACEHOLDER if set(value) == {"secure"} else {key: _opened(each) for key, each in value.items()}
        )
    return [_opened(each) for each in value] if isinstance(value, list) else value


def _make_up(layout: Layout, stack: str, fleet: Fleet) -> Path:
    """Make a CA and certificates at the paths that the description names; returns where its keys are."""
    folder = layout.state / "authorities" / stack
    folder.parent.mkdir(exist_ok=True)
    passphrase = layout.key_passphrase.read_bytes()
    chain = authority.init(folder, fleet.name, list(fleet.identity.issuers), passphrase)
    _write(layout, fleet.identity.root, chain.root)
    for issuer, path in fleet.identity.issuers.items():
        _write(layout, path, chain.issuers[issuer])
    issuer_certificate = next(iter(chain.issuers.values()))
    signer = KeyStore(folder / authority.KEYS, passphrase).signer_for(issuer_certificate)
    for leaf, registration_id in _leaves(fleet):
        identity = issue.issue_device(signer, issuer_certificate, registration_id)
        _write(layout, leaf, identity.certificate)
    return folder / authority.KEYS


def _write(layout: Layout, path: str | Path, certificate: x509.Certificate) -> None:
    file = layout.project / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(pem(certificate))
