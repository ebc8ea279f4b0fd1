"""What a row of a list has to keep to, for one kind of certificate under one issuer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cryptography import x509

from certs import clouds, constraints, names, profiles
from certs.bulk.template import Design
from certs.checks import extension
from certs.clouds import Cloud
from certs.errors import InvalidNameError
from certs.keys import Algorithm, algorithm_of


class Rules:
    """Judges registration ids and kinds of keys, a row at a time."""

    def __init__(self, design: Design, whose: Sequence[Cloud] = clouds.NONE) -> None:
        self.design = design
        self._clouds = whose
        self._more = len(design.suffix)
        self._seen_by_clouds = profiles.SERVER_AUTH not in design.profile.extended_key_usage
        self._constraints = extension(design.issuer, x509.NameConstraints)

    def check_algorithm(self, algorithm: Algorithm) -> None:
        """Raises CloudError when a cloud would refuse such keys, signatures, or certificates at all."""
        clouds.check(self._clouds, algorithm, algorithm_of(self.design.signing), self.design.profile)

    def faults(self, registration_id: str) -> Iterator[str]:
        """What is wrong with a registration id."""
        try:
            names.check("registration id", registration_id)
        except InvalidNameError as error:
            yield str(error)
            return
        if len(registration_id) > names.COMMON_NAME_MAX - self._more:
            room = names.COMMON_NAME_MAX - self._more
            yield f"registration id {registration_id!r}: a {self.design.profile.title} has room for {room}"
        if self._seen_by_clouds:
            yield from clouds.id_faults(self._clouds, registration_id)
        if self.design.profile.hosts:
            yield from self._host_faults(registration_id)

    def _host_faults(self, registration_id: str) -> Iterator[str]:
        try:
            hosts = names.hosts([registration_id])
        except InvalidNameError as error:
            yield str(error)
            return
        if not isinstance(hosts[0], x509.DNSName):
            yield f"{registration_id!r}: an address; a server is named by its host"
        elif self._constraints is not None:
            order = self.design.order(registration_id, self.design.signing)
            which = self.design.profile.title
            yield from map(str, constraints.faults(order.subject, hosts, self._constraints, which, "issuer"))
