"""Who signs the certificate requests of an account's devices: a function, not AWS IoT's own authority."""

from collections.abc import Mapping
from typing import Final, TypedDict

import pulumi
from pulumi_aws_native import TagArgs
from pulumi_aws_native import iot as native

from components.aws.enrolment_function import called_by_iot
from components.aws.place import Place

_OPERATION: Final = native.CertificateProviderOperation.CREATE_CERTIFICATE_FROM_CSR
"""The only one that can be given to a provider: CertificateProviderOperation, botocore iot 2015-05-28."""


class CertificateProviderArgs(TypedDict):
    """Arguments of CertificateProvider."""

    place: Place
    function: str
    """The function's name, or its ARN."""
    tags: Mapping[str, str]


class CertificateProvider(pulumi.ComponentResource):
    """That a function signs each CSR that a device of the account sends (CreateCertificateFromCsr), and that
    AWS IoT may call it for that, on behalf of this provider of our own account ("Self-managed certificate
    signing using AWS IoT Core certificate provider", AWS IoT Core developer guide).

    There is one in an account's region, so it must depend on AccountWide's mark (`opts.depends_on`); what it
    is made of waits for that. It concerns every fleet in the account whose devices come by claim. AWS takes
    some minutes to heed it, and as long when it is gone.

    The function is not ours: it was there before, it stays, and its policy gets one statement, with the
    stack's name as its id. The provider's ARN in there is written as the Service Authorization Reference has
    it, since the statement must stand before the provider does.
    """

    arn: pulumi.Output[str]
    function_arn: pulumi.Output[str]

    def __init__(
        self, name: str, args: CertificateProviderArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("muster:aws:CertificateProvider", name, {}, opts)
        waiting = pulumi.ResourceOptions(parent=self, depends_on=opts.depends_on if opts else None)
        place = args["place"]
        self.function_arn = function = _function_arn(place, args["function"])
        source = place.arn("iot", resource(place))
        caller = called_by_iot(name, place, function, source, waiting, statement=place.name("certificates"))
        self.arn = native.CertificateProvider(
            f"{name}-provider",
            certificate_provider_name=place.name(),
            account_default_for_operations=[_OPERATION],
            lambda_function_arn=function,
            tags=[TagArgs(key=key, value=value) for key, value in args["tags"].items()],
            opts=pulumi.ResourceOptions.merge(waiting, pulumi.ResourceOptions(depends_on=[caller])),
        ).arn
        self.register_outputs({"arn": self.arn})


def _function_arn(place: Place, function: str) -> pulumi.Output[str]:
    """The ARN of a function that is named by it, or by its name alone."""
    if ":" in function:
        return pulumi.Output.from_input(function)
    return place.arn("lambda", f"function:{function}")


def resource(place: Place) -> str:
    """The provider as ARNs of AWS IoT have it."""
    return f"certificateprovider/{place.name()}"
