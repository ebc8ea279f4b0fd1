"""What the certificates of an authority say: its roots, and the intermediates that are wanted under them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.x509.oid import NameOID

from certs import assemble, constraints, names, profiles
from certs.keys import DEFAULT, Algorithm, PublicKey
from certs.places import FILES, Place
from certs.profiles import Profile


@dataclass(frozen=True)
class Choices:
    """How to make an authority's keys and intermediates.

    `servers` are the issuers of servers and edge gateways, each with the domains that it is confined to
    (none: every name). `confined=False` leaves the fleet's name constraints out, for verifiers that refuse
    them.
    """

    algorithm: Algorithm = DEFAULT
    place: Place = FILES
    servers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    confined: bool = True


@dataclass(frozen=True)
class Wanted:
    """An intermediate that somebody asks for: what it is called, and what it may certify."""

    part: str
    profile: Profile
    domains: tuple[str, ...] = ()
    confined: bool = True

    def order(self, fleet: str, key: PublicKey, days: int) -> assemble.Order:
        """Its certificate, for this key."""
        return assemble.Order(self.profile, subject(fleet, self.part), key, days, more=self._more(fleet))

    def _more(self, fleet: str) -> tuple[tuple[x509.ExtensionType, bool], ...]:
        if self.profile is profiles.SERVER_ISSUER:
            return ((constraints.of_domains(self.domains), True),) if self.domains else ()
        return ((constraints.of_fleet(fleet), True),) if self.confined else ()


def wanted(factories: Iterable[str], choices: Choices) -> list[Wanted]:
    """One intermediate a factory, then the issuers of servers; raises InvalidNameError for a bad domain."""
    clients = [Wanted(name, profiles.ISSUER, confined=choices.confined) for name in factories]
    servers = [
        Wanted(name, profiles.SERVER_ISSUER, names.domains(domains))
        for name, domains in choices.servers.items()
    ]
    return [*clients, *servers]


def root_order(fleet: str, part: str, key: PublicKey, days: int) -> assemble.Order:
    """A root's certificate, for this key."""
    return assemble.Order(profiles.ROOT, subject(fleet, part), key, days)


def subject(fleet: str, part: str) -> x509.Name:
    """The name of an authority's certificate: the fleet as organization, and which part of it."""
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, fleet)
    return assemble.subject(names.common_name(fleet, part), [organization])
