"""The files that a description names, loaded and checked; their faults are told as the stack file's.

Certificates, manifests and functions stand in files of the project. All that is wrong with them is told
at once, at the line that names the file, before anything is declared.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from certs.chain import Chain, load_certificate
from certs.checks import extension
from certs.errors import UnreadableError
from components import permissions
from components.aws.policy import PolicyError
from components.azure.allocation_function.packaging import PackageError, read
from components.placing import on
from components.trust import load_trust
from fleet import Fault, Fleet, FleetError
from fleet.description import Claim, ClientCertificate
from fleet.errors import Finding
from fleet.errors import Path as Steps
from fleet.stackfile import FLEET, fault, read_stack

_ANY_ACCOUNT = "000000000000"


@dataclass(frozen=True)
class Sources:
    """What the files hold."""

    chain: Chain
    certificates: Mapping[str, x509.Certificate]
    """Certificates of single devices, and claim certificates, by their path as the description writes it."""
    functions: Mapping[str, bytes]
    """Files of the function app by their path in its folder; empty when there is none."""


def load_sources(fleet: Fleet, project: Path, file: Path) -> Sources:
    """Load what `fleet` names. Paths in a description start at `project`, the folder of Pulumi.yaml.

    Raises FleetError with every fault of every file, each at the line of `file`, the stack file, that names
    it.
    """
    faults: list[Fault] = []
    chain = None
    try:
        chain = load_trust(fleet, project, file)
    except FleetError as error:
        faults += error.faults
    findings: list[Finding] = []
    certificates = {**_certificates(fleet, project, findings), **_claims(fleet, project, findings)}
    functions = _functions(fleet, project, findings)
    findings += [*_manifests(fleet, project), *_policies(fleet)]
    faults += _placed(findings, file)
    if chain is None or faults:
        raise FleetError(sorted(faults, key=lambda each: (each.line or 0, each.column or 0)))
    return Sources(chain, certificates, functions)


def policy_faults(fleet: Fleet, file: Path) -> list[Fault]:
    """What is wrong with what devices on AWS may do: policies that are larger than AWS takes them. No file is
    read but `file`, the stack file."""
    return _placed(list(_policies(fleet)), file)


def _certificates(fleet: Fleet, project: Path, findings: list[Finding]) -> dict[str, x509.Certificate]:
    loaded: dict[str, x509.Certificate] = {}
    for registration_id, where, path in _named_certificates(fleet):
        try:
            loaded[path] = load_certificate(project / path)
        except UnreadableError as error:
            findings.append(Finding(where, error.wrong, f"expected {error.right}"))
            continue
        names = loaded[path].subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if [name.value for name in names] != [registration_id]:
            told = str(names[0].value) if names else "nobody"
            wrong = f"{path} is the certificate of {told}, not of {registration_id}"
            right = "its common name must be the registration id, which is what the service compares"
            findings.append(Finding(where, wrong, right))
    return loaded


def _named_certificates(fleet: Fleet) -> Iterator[tuple[str, Steps, str]]:
    """Every certificate of a single device: whose it is, where the description names it, its path."""
    for registration_id, enrollment in fleet.enrollments.items():
        attestation = enrollment.attestation
        if isinstance(attestation, ClientCertificate):
            below: Steps = ("enrollments", registration_id, "attestation", ClientCertificate.KIND)
            yield registration_id, (*below, "certificate"), attestation.certificate
            if attestation.secondary is not None:
                yield registration_id, (*below, "secondary"), attestation.secondary


def _claims(fleet: Fleet, project: Path, findings: list[Finding]) -> dict[str, x509.Certificate]:
    loaded: dict[str, x509.Certificate] = {}
    for where, path in _named_claims(fleet):
        try:
            loaded[path] = load_certificate(project / path)
        except UnreadableError as error:
            findings.append(Finding(where, error.wrong, f"expected {error.right}"))
            continue
        constraints = extension(loaded[path], x509.BasicConstraints)
        if constraints is not None and constraints.ca:
            right = "a claim is a leaf: make one with `muster certs issue --profile claim`"
            findings.append(Finding(where, f"{path} is the certificate of a CA", right))
    return loaded


def _named_claims(fleet: Fleet) -> Iterator[tuple[Steps, str]]:
    """Every claim certificate: where the description names it, its path."""
    for key, group in on("aws", fleet.groups).items():
        if isinstance(group.on_aws.enrolment, Claim):
            below: Steps = ("groups", key, "aws", "enrolment", "claim", "certificates")
            for name, path in group.on_aws.enrolment.certificates.items():
                yield (*below, name), path


def _policies(fleet: Fleet) -> Iterator[Finding]:
    """What devices on AWS may do must fit into policies; the size does not depend on the account."""
    for path, key, part in permissions.parts(fleet):
        try:
            permissions.compiled(fleet, _ANY_ACCOUNT, key, part)
        except PolicyError as error:
            yield Finding((*path, "aws", "permissions"), error.wrong, error.right)


def _functions(fleet: Fleet, project: Path, findings: list[Finding]) -> dict[str, bytes]:
    app = fleet.azure.function_app if fleet.azure is not None else None
    if app is None:
        return {}
    try:
        return read(project / app.folder)
    except PackageError as error:
        findings.append(Finding(("azure", "functionApp", "folder"), error.wrong, error.right))
        return {}


def _manifests(fleet: Fleet, project: Path) -> Iterator[Finding]:
    """What is in a manifest, the provider reads; here it must only be there."""
    for name, manifest in fleet.manifests.items():
        if not (project / manifest.file).is_file():
            where: Steps = ("manifests", name, "file")
            yield Finding(
                where, f"{manifest.file} is not there", "name a .csv or .parquet file of the project"
            )


def _placed(findings: list[Finding], file: Path) -> list[Fault]:
    document = read_stack(file).document if findings and file.is_file() else None
    placed = []
    for finding in findings:
        path = (*FLEET, *finding.path)
        place = document.place(path) if document else None
        placed.append(fault(Finding(path, finding.wrong, finding.right), place, str(file)))
    return placed
