"""A fleet's certificates, loaded and checked; their faults are told as faults of the stack file."""

from collections.abc import Mapping
from pathlib import Path

from certs.chain import Chain, ChainError, ChainFault, load_chain
from fleet import Fault, Fleet, FleetError
from fleet.document import Document
from fleet.errors import Finding
from fleet.stackfile import FLEET, fault, read_stack

_ROOT = "root"
"""What `certs.chain` calls the root among a chain's certificates."""


def load_trust(fleet: Fleet, project: Path, file: Path) -> Chain:
    """The chain that `fleet` names. Paths in a description start at `project`, the folder of Pulumi.yaml.

    Raises FleetError with every fault of every certificate, each at the line of `file` (the stack file) that
    names the certificate.
    """
    identity = fleet.identity
    issuers = {name: project / path for name, path in identity.issuers.items()}
    try:
        _refuse_the_name_root(issuers)
        return load_chain(project / identity.root, issuers)
    except ChainError as error:
        document = read_stack(file).document if file.is_file() else None
        faults = [_placed(wrong, document, str(file)) for wrong in error.faults]
        raise FleetError(sorted(faults, key=lambda fault: (fault.line or 0, fault.column or 0))) from None


def _refuse_the_name_root(issuers: Mapping[str, Path]) -> None:
    if _ROOT in issuers:
        wrong = f"an issuer is called {_ROOT}, which is the name of the root certificate"
        raise ChainError([ChainFault(_ROOT, wrong, "give it another name, such as the factory's")])


def _placed(wrong: ChainFault, document: Document | None, file: str) -> Fault:
    below = ("identity", _ROOT) if wrong.which == _ROOT else ("identity", "issuers", wrong.which)
    path = (*FLEET, *below)
    place = document.place(path) if document else None
    return fault(Finding(path, wrong.wrong, wrong.right), place, file)
