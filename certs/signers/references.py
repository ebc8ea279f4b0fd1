"""Where an authority's key lives when it is not in a file: a public reference, and how it is opened.

A reference is a small JSON object, `{"signer": KIND, …}`, that names a key at a hardware module or a key
service. It holds no secret: PINs and cloud credentials come from the environment. The key store keeps it
under the public key's id, so that whoever has the certificate finds the signer (ADR 0004), whatever its kind.
Each kind is an extra, imported only when a reference asks for it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, TypeAlias

from certs.errors import SignerError
from certs.keys import Algorithm
from certs.signers import Signer

Reference: TypeAlias = Mapping[str, str]


@dataclass(frozen=True)
class Kind:
    """One kind of signer: its module, the extra that installs what it needs, and the reference's fields.

    `place` are those that say where a new key is to be made, in the order of the module's `new_key`.
    """

    module: str
    extra: str
    fields: tuple[str, ...]
    place: tuple[str, ...]


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "pkcs11": Kind("certs.signers.pkcs11", "pkcs11", ("module", "token", "key"), ("module", "token")),
        "aws-kms": Kind("certs.signers.aws_kms", "aws-kms", ("key", "region"), ("region",)),
        "azure-key-vault": Kind("certs.signers.azure_key_vault", "azure-key-vault", ("key",), ("vault",)),
    }
)


def check(reference: Reference) -> Reference:
    """The reference, when it is a whole one; raises SignerError, naming all that is wrong."""
    kind = KINDS.get(reference.get("signer", ""))
    if kind is None:
        raise SignerError(
            f"signer {reference.get('signer')!r} is none we know; it must be one of {', '.join(KINDS)}"
        )
    wanted = {"signer", *kind.fields}
    faults = [f"lacks {name!r}" for name in sorted(wanted - reference.keys())]
    faults += [f"has {name!r}, which it does not know" for name in sorted(reference.keys() - wanted)]
    faults += [f"has an empty {name!r}" for name in sorted(wanted & reference.keys()) if not reference[name]]
    if faults:
        raise SignerError(f"the reference to a key of {reference['signer']} {'; it '.join(faults)}")
    return reference


def check_place(kind: str, parameters: Mapping[str, str]) -> None:
    """Refuse what does not say where to make a key; raises SignerError."""
    if kind not in KINDS:
        raise SignerError(f"signer {kind!r} is none we know; it must be one of {', '.join(KINDS)}")
    wanted = set(KINDS[kind].place)
    faults = [f"needs the {name}" for name in sorted(wanted - parameters.keys())]
    faults += [f"takes no {name}" for name in sorted(parameters.keys() - wanted)]
    if faults:
        raise SignerError(f"a key in {kind} {' and '.join(faults)}")


def new_key(kind: str, parameters: Mapping[str, str], label: str, algorithm: Algorithm) -> Reference:
    """Make a key in a place; its reference. Raises SignerError, SignerUnavailableError, PassphraseError."""
    check_place(kind, parameters)
    made: Reference = _module(kind).new_key(
        *(parameters[name] for name in KINDS[kind].place), label, algorithm
    )
    return made


def open_reference(reference: Reference) -> Signer:
    """The signer that a reference names.

    Raises SignerError: no such kind, its extra is not installed, or the service does not give the key.
    """
    signer: Signer = _module(check(reference)["signer"]).open_signer(reference)
    return signer


def _module(kind: str) -> Any:  # noqa: ANN401  modules that have the same two functions
    try:
        return importlib.import_module(KINDS[kind].module)
    except ModuleNotFoundError as error:
        raise SignerError(
            f"a signer of kind {kind} needs packages that are not installed: "
            f"pip install 'muster[{KINDS[kind].extra}]'"
        ) from error
