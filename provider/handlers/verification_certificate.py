"""muster:aws:VerificationCertificate: the proof, for AWS IoT, that we hold the key of a CA.

AWS gives each account a registration code a region (iot GetRegistrationCode); `RegisterCACertificate` takes
the CA beside a certificate on that code which the CA issued. This resource is that certificate. It is in no
service: the signer comes from the key store, no private key passes through here, and nothing is asked.

Registering is another provider's, and happens again when somebody deleted the CA there. So the certificate is
valid as long as the CA: a proof for a day would be worth nothing by then. Nobody can use it for anything
else, since its key is forgotten at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509

from certs.assemble import MAX_DAYS
from certs.chain import fingerprint, parse_certificates, pem
from certs.errors import CertsError
from certs.possession import prove
from certs.signers import Signer
from provider.errors import IncompleteInputError, ProofError
from provider.fields import prop
from provider.handlers import rules
from provider.resource import Handler, Made, State


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What the program says."""

    ca_certificate: str = prop(
        "The CA certificate (PEM, public).",
        replaces="another CA has another key to prove",
        rule=rules.authority,
        normal=rules.same_certificate,
    )
    registration_code: str = prop(
        "The account's registration code in the region, which is certified.",
        replaces="another account or region takes this proof for none of its own",
        rule=rules.registration_code,
    )


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """What is computed."""

    certificate: str = prop("The certificate on the code, issued by the CA (PEM, public).", default="")


Known = State[Inputs, Outputs]


class VerificationCertificate(Handler[Inputs, Outputs]):
    """Proofs of possession. `signer_for` gives the signer of a CA (raising CertsError)."""

    token = "muster:aws:VerificationCertificate"  # noqa: S105 - a type token
    title = "verification certificate"
    doc = "A certificate on an AWS account's registration code, which proves possession of a CA's key."
    inputs = Inputs
    outputs = Outputs

    def __init__(self, signer_for: Callable[[x509.Certificate], Signer]) -> None:
        self._signer_for = signer_for

    def resource_id(self, inputs: Inputs) -> str:
        """`{SHA-256 of the CA}/{registration code}`."""
        return f"{fingerprint(_parse(inputs.ca_certificate))}/{inputs.registration_code}"

    def create(self, inputs: Inputs) -> Made[Outputs]:
        """Issue it. Raises ProofError when there is no signer, or it may not."""
        authority = _parse(inputs.ca_certificate)
        days = (authority.not_valid_after_utc - datetime.now(UTC)).days
        try:
            signer = self._signer_for(authority)
            proof = prove(signer, authority, inputs.registration_code, days=min(max(days, 1), MAX_DAYS))
        except CertsError as error:
            raise ProofError(
                f"possession of {authority.subject.rfc4514_string()} (SHA-256 {fingerprint(authority)}) "
                f"cannot be proven: {error}. Point MUSTER_KEY_STORE at the store that holds its key; or, "
                "when somebody else holds it, say certificateMode: sniOnly (aws), which asks for no "
                "proof, and for devices that send the endpoint's name"
            ) from error
        return Made(Outputs(certificate=pem(proof)))

    def read(self, resource_id: str, known: Known | None) -> Known | None:
        """It as the state has it. Raises IncompleteInputError to an import: there is nothing to import."""
        if known is None:
            raise IncompleteInputError(
                f"{resource_id} cannot be imported: a {self.title} stands in no service. Declare it: a new "
                "one serves as well"
            )
        return known

    def update(self, old: Known, new: Inputs) -> Made[Outputs]:  # noqa: ARG002 - all is in `old`
        """Nothing but its spelling can change without a replacement."""
        return Made(old.outputs)

    def delete(self, resource_id: str) -> None:
        """Forget it: it stands in no service."""


def _parse(text: str) -> x509.Certificate:
    return parse_certificates(text.encode(), "the CA certificate")[0]
