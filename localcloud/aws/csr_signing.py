"""CreateCertificateFromCsr: CSRs are signed by AWS IoT's own authority, or by the account's function.

docs.aws.amazon.com/iot/latest/developerguide/provisioning-cert-provider.html: while there is a certificate
provider, its function is invoked with `certificateSigningRequest`, `principalId` and `clientId`, and answers
`certificatePem`. Its policy must let `iot.amazonaws.com` invoke it for the provider's ARN.

Taken strictly: the certificate has the CSR's key and subject, begins and ends around now, and is new to the
account; it is one, no chain. Not known to us, and chosen so: the function has five seconds, as AWS gives a
pre-provisioning hook; over HTTPS `principalId` is the caller's ARN and `clientId` empty; which errors AWS
answers (400 for a function that may not be invoked, fails or answers wrongly, 503 for a late one); the mode
of the certificate (SNI_ONLY, as of those that are registered without a CA); and that a CSR is held against
AWS' own rules for keys and its signature before the function is asked.
"""

import asyncio
import json

from cryptography import x509 as pyca

from localcloud.aws.api import ApiError, Caller, Operation, Params
from localcloud.aws.functions import FunctionRefused, Functions
from localcloud.aws.iot import x509
from localcloud.aws.iot.certificate_providers import CertificateProviders, Provider
from localcloud.aws.iot.certificates import SNI_ONLY, Certificate, Certificates, issued, status_at_first
from localcloud.aws.iot.refusals import invalid

LONGEST_SECONDS = 5.0


class CsrSigning:
    """Certificates for CSRs."""

    def __init__(
        self, providers: CertificateProviders, certificates: Certificates, functions: Functions
    ) -> None:
        self._providers = providers
        self._certificates = certificates
        self._functions = functions

    def operations(self) -> dict[str, Operation]:
        """The control plane's part."""
        return {"CreateCertificateFromCsr": self._create}

    @property
    def is_a_functions(self) -> bool:
        """Whether the account's function signs; else AWS IoT's own authority does."""
        return self._providers.found() is not None

    async def issue(self, csr_pem: str, status: str, principal_id: str, client_id: str) -> Certificate:
        """A certificate for a CSR, registered with this status. Raises ApiError."""
        provider = self._providers.found()
        if provider is None:
            return self._certificates.issue(csr_pem, status)
        csr = x509.read_request(csr_pem)
        event = {
            "certificateSigningRequest": csr_pem,
            "principalId": principal_id,
            "clientId": client_id,
        }
        pem = _certificate_pem(await self._asked(provider, event))
        _check_for(csr, x509.read(pem, "certificatePem"))
        return self._certificates.register(pem, status, None, SNI_ONLY)

    async def _asked(self, provider: Provider, event: dict[str, str]) -> bytes:
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                return await self._functions.invoke(provider.function, event, source=provider.arn)
        except TimeoutError as error:
            words = f"{provider.function} did not answer within {LONGEST_SECONDS:g} seconds."
            raise ApiError("ServiceUnavailableException", words) from error
        except (FunctionRefused, ApiError) as error:
            raise invalid(f"The certificate provider gave no certificate: {error}.") from error

    async def _create(self, caller: Caller, params: Params) -> Params:
        csr = params["certificateSigningRequest"]
        return issued(await self.issue(csr, status_at_first(params), caller.arn, ""))


def _certificate_pem(payload: bytes) -> str:
    try:
        answer = json.loads(payload)
    except ValueError as error:
        raise invalid("The certificate provider's answer is no JSON.") from error
    pem = answer.get("certificatePem") if isinstance(answer, dict) else None
    if not isinstance(pem, str):
        raise invalid("The certificate provider's answer has no text certificatePem.")
    return pem


def _check_for(csr: pyca.CertificateSigningRequest, certificate: pyca.Certificate) -> None:
    """Raises ApiError."""
    if certificate.public_key() != csr.public_key():
        raise x509.invalid_certificate("it is for another key than the signing request's")
    if certificate.subject != csr.subject:
        raise x509.invalid_certificate("it has another subject than the signing request")
