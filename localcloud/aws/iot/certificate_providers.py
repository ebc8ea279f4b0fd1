"""The account's certificate provider: a function that signs every CSR instead of AWS IoT's own authority.

docs.aws.amazon.com/iot/latest/developerguide/provisioning-cert-provider.html: one a region and account.
Operations of botocore's iot 2015-05-28. `localcloud.aws.csr_signing` asks the function. A CSR in a
provisioning template's body is refused while there is a provider (`check_none`): who signs that, AWS does
not say.
"""

from typing import NamedTuple

from localcloud.aws.api import ApiError, Operation, Params, for_anyone
from localcloud.aws.iot.named import Named, Noun, subset
from localcloud.aws.iot.refusals import invalid
from localcloud.aws.iot.tags import Tags
from localcloud.aws.place import Place
from localcloud.store import Document

_NOUN = Noun("aws-certificate-provider", "Certificate provider", "certificateprovider")


class Provider(NamedTuple):
    """Both by their ARNs."""

    arn: str
    function: str


class CertificateProviders:
    """One provider at most."""

    def __init__(self, place: Place, tags: Tags) -> None:
        self._kept = Named(place, tags, _NOUN)

    def operations(self) -> dict[str, Operation]:
        """The control plane."""
        return for_anyone(
            {
                "CreateCertificateProvider": self._create,
                "UpdateCertificateProvider": self._update,
                "DescribeCertificateProvider": self._describe,
                "ListCertificateProviders": self._list,
                "DeleteCertificateProvider": self._delete,
            }
        )

    def found(self) -> Provider | None:
        """Who signs CSRs; None: AWS IoT's own authority."""
        kept = [Provider(it["certificateProviderArn"], it["lambdaFunctionArn"]) for it in self._kept.all()]
        return kept[0] if kept else None

    def check_none(self) -> None:
        """AWS IoT's own authority signs CSRs. Raises ApiError when a function does instead."""
        provider = self.found()
        if provider is not None:
            words = f"CSRs are for {provider.function} to sign, which the local cloud does not ask here."
            raise invalid(words)

    def _create(self, params: Params) -> Params:
        name = params["certificateProviderName"]
        if self._kept.find(name) is None and self._kept.all():
            raise ApiError("LimitExceededException", "An account has one certificate provider in a region.")
        document = {
            "certificateProviderName": name,
            "certificateProviderArn": self._kept.arn(name),
            **subset(params, ("lambdaFunctionArn", "accountDefaultForOperations")),
        }
        return _identified(self._kept.create(name, document, params.get("tags", [])))

    def _update(self, params: Params) -> Params:
        changes = subset(params, ("lambdaFunctionArn", "accountDefaultForOperations"))
        return _identified(self._kept.update(params["certificateProviderName"], changes))

    def _describe(self, params: Params) -> Params:
        return self._kept.get(params["certificateProviderName"])

    def _list(self, _params: Params) -> Params:
        return {"certificateProviders": [_identified(it) for it in self._kept.all()]}

    def _delete(self, params: Params) -> Params:
        self._kept.remove(params["certificateProviderName"])
        return {}


def _identified(document: Document) -> Params:
    return subset(document, ("certificateProviderName", "certificateProviderArn"))
