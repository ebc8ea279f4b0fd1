"""Name constraints (RFC 5280 section 4.2.1.10): what names an intermediate may certify. No IO.

An issuer of devices is confined to subjects of its fleet (`O=fleet`, …) and to no host and no address, so
that who steals its key makes nothing but devices of this fleet. The extension is critical, as section
4.2.1.10 demands: a verifier that cannot judge names then refuses the chain rather than believe it.

What verifiers do: OpenSSL and Windows judge names of directories; `cryptography`'s path validation and Go's
crypto/x509 do not, and refuse a chain with a critical constraint of that form. Neither Azure nor AWS publish
what theirs do (see `certs.clouds`): try one device first, or make the authority without (`confined=False`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence

from cryptography import x509
from cryptography.x509.oid import NameOID

from certs.checks import extension
from certs.errors import ChainFault

_EVERY_ADDRESS = (
    x509.IPAddress(ipaddress.ip_network("0.0.0.0/0")),
    x509.IPAddress(ipaddress.ip_network("::/0")),
)


def of_fleet(fleet: str) -> x509.NameConstraints:
    """Subjects under `O=fleet`; no host and no address."""
    organization = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, fleet)])
    return x509.NameConstraints([x509.DirectoryName(organization)], [x509.DNSName(""), *_EVERY_ADDRESS])


def of_domains(domains: Sequence[str]) -> x509.NameConstraints:
    """Hosts in these domains, and no address."""
    return x509.NameConstraints([x509.DNSName(domain) for domain in domains], list(_EVERY_ADDRESS))


def faults(
    subject: x509.Name,
    alternatives: Sequence[x509.GeneralName],
    constraints: x509.NameConstraints,
    which: str,
    issuer: str,
) -> Iterator[ChainFault]:
    """The names that an issuer with these constraints may not certify; an empty subject is no name."""
    names: list[x509.GeneralName] = [x509.DirectoryName(subject)] if len(subject.rdns) else []
    for name in [*names, *alternatives]:
        wrong = _wrong(name, constraints)
        if wrong:
            yield ChainFault(
                which, f"its name {_shown(name)} {wrong} {issuer}", f"{issuer} may not certify it"
            )


def certificate_faults(
    certificate: x509.Certificate, which: str, issuer: x509.Certificate, issuer_which: str
) -> Iterator[ChainFault]:
    """The names of a certificate that an authority above it does not allow."""
    constraints = extension(issuer, x509.NameConstraints)
    if constraints is not None:
        names = extension(certificate, x509.SubjectAlternativeName)
        yield from faults(certificate.subject, list(names or ()), constraints, which, issuer_which)


def _wrong(name: x509.GeneralName, constraints: x509.NameConstraints) -> str:
    """Why a name is not allowed; empty when it is."""
    permitted = [tree for tree in constraints.permitted_subtrees or () if type(tree) is type(name)]
    excluded = [tree for tree in constraints.excluded_subtrees or () if type(tree) is type(name)]
    if (permitted or excluded) and not isinstance(name, x509.DirectoryName | x509.DNSName | x509.IPAddress):
        return "is of a form that cannot be judged here, and is constrained by"
    if any(_within(name, tree) for tree in excluded):
        return "is excluded by"
    if permitted and not any(_within(name, tree) for tree in permitted):
        return "is outside of what is permitted to"
    return ""


def _within(name: x509.GeneralName, tree: x509.GeneralName) -> bool:
    if isinstance(name, x509.DirectoryName):
        begin, whole = _canonical(tree.value), _canonical(name.value)
        return whole[: len(begin)] == begin
    if isinstance(name, x509.DNSName):
        host, domain = name.value.lower(), tree.value.lower().removeprefix(".")
        return not domain or host == domain or host.endswith(f".{domain}")
    assert isinstance(name, x509.IPAddress)
    return _addresses_within(name.value, tree.value)


def _addresses_within(address: object, network: object) -> bool:
    """An address (in a certificate) or a network (in a further authority's constraints) within a network."""
    if isinstance(address, ipaddress.IPv4Address | ipaddress.IPv6Address):
        assert isinstance(network, ipaddress.IPv4Network | ipaddress.IPv6Network)
        return address in network
    return False


def _canonical(name: x509.Name) -> list[frozenset[tuple[str, str]]]:
    """A name for comparison: case and runs of spaces do not count (RFC 5280 section 7.1)."""
    return [
        frozenset((each.oid.dotted_string, " ".join(str(each.value).split()).casefold()) for each in rdn)
        for rdn in name.rdns
    ]


def _shown(name: x509.GeneralName) -> str:
    value = name.value
    return repr(value.rfc4514_string() if isinstance(value, x509.Name) else str(value))
