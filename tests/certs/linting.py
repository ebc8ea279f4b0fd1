"""pkilint and OpenSSL as judges of certificates: what they find, empty when they find nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from pkilint import loader, validation  # type: ignore[import-untyped]  # it has no types
from pkilint.bin import lint_pkix_signer_signee_cert_chain as chains  # type: ignore[import-untyped]  # it has no types
from pkilint.pkix import certificate, extension, name  # type: ignore[import-untyped]  # it has no types
from pkilint.validation import ValidationFindingSeverity  # type: ignore[import-untyped]  # it has no types

from certs.reading import pem


def findings(found: x509.Certificate) -> list[str]:
    """What `lint_pkix_cert lint -s NOTICE` tells of a certificate."""
    document = loader.load_certificate(_der(found), "certificate")
    return _told(_validator().validate(document.root))


def chain_findings(issuer: x509.Certificate, subject: x509.Certificate) -> list[str]:
    """What `lint_pkix_signer_signee_cert_chain lint -s NOTICE` tells of a certificate and its issuer."""
    documents: dict[str, Any] = {}
    for role, found in (("issuer", issuer), ("subject", subject)):
        documents[role] = loader.load_certificate(_der(found), role, role, documents)
    decoders = chains.create_decoder_validation_container()
    results = [*decoders.validate(documents["issuer"].root), *decoders.validate(documents["subject"].root)]
    results += chains.create_issuer_validation_container().validate(documents["issuer"].root)
    results += chains.create_subject_validation_container().validate(documents["subject"].root)
    return _told(results)


def openssl_findings(
    folder: Path,
    path: Sequence[x509.Certificate],
    root: x509.Certificate,
    purpose: str = "",
    *,
    strict: bool = True,
) -> str:
    """What `openssl verify -x509_strict` says against a path, its end first; empty when it verifies."""
    folder.mkdir(exist_ok=True)
    for stem, held in (("end", path[:1]), ("between", path[1:]), ("root", [root])):
        (folder / f"{stem}.pem").write_text("".join(map(pem, held)))
    command: list[str | Path] = ["openssl", "verify", "-CAfile", folder / "root.pem"]
    command += ["-x509_strict"] if strict else []
    command += ["-untrusted", folder / "between.pem"] if len(path) > 1 else []
    command += ["-purpose", purpose] if purpose else []
    done = subprocess.run([*command, folder / "end.pem"], capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


@lru_cache
def _validator() -> Any:
    decoders = certificate.create_decoding_validators(
        name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS
    )
    parts = [
        certificate.create_issuer_validator_container([]),
        certificate.create_validity_validator_container(),
        certificate.create_subject_validator_container([]),
        certificate.create_extensions_validator_container([]),
        certificate.create_spki_validator_container([]),
    ]
    return certificate.create_pkix_certificate_validator_container(decoders, parts)


def _told(results: Sequence[validation.ValidationResult]) -> list[str]:
    return [
        f"{each.finding.severity.name} {each.finding.code}: {each.message}"
        for result in results
        for each in result.finding_descriptions
        if each.finding.severity <= ValidationFindingSeverity.NOTICE
    ]


def _der(found: x509.Certificate) -> bytes:
    return found.public_bytes(serialization.Encoding.DER)
