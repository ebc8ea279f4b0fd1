"""Proof of possession: show a cloud that we hold an authority's private key, by signing the code it gives.

Azure: ARM `certificates/generateVerificationCode`, then `certificates/verify` with this certificate
(Microsoft.Devices, both for hubs and provisioning services); the code must be the subject's common name.
AWS: iot `GetRegistrationCode`, then `RegisterCACertificate` with this certificate; likewise.
"""

from __future__ import annotations

from cryptography import x509

from certs import assemble, names, profiles
from certs.checks import extension
from certs.issue import new_key
from certs.signers import Signer


def prove(
    signer: Signer, ca_certificate: x509.Certificate, verification_code: str, *, days: int | None = None
) -> x509.Certificate:
    """A certificate with the code as common name, issued by the authority that is to be proven; for one day,
    if no other life is said.

    Its own private key is forgotten at once, so nobody can ever use it. Raises InvalidNameError (no such code
    can be a common name), SignerError (the signer is not this authority's), IssueError (no CA, expired, or
    ends today).
    """
    names.check("verification code", verification_code)
    # The code alone, as the clouds' pages have it; with the fleet before it only where the authority may
    # certify nothing else.
    confined = extension(ca_certificate, x509.NameConstraints) is not None
    fleet = assemble.organization_of(ca_certificate) if confined else ()
    order = assemble.Order(
        profile=profiles.POSSESSION,
        subject=assemble.subject(verification_code, fleet),
        public_key=new_key().public_key(),
        days=profiles.POSSESSION.days if days is None else days,
    )
    return assemble.issued(order, signer, ca_certificate)
