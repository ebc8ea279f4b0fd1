"""Who signs the certificates of devices that send a CSR."""

from __future__ import annotations

from localcloud.providers.aws_native.table.audit import TAGS
from localcloud.providers.boto.calls import Plain
from localcloud.providers.boto.entries import Kind, Property, own
from localcloud.providers.boto.tagging import Tagging

KINDS = (
    Kind(
        "aws-native:iot:CertificateProvider",
        "iot",
        "create_certificate_provider",
        {
            "certificateProviderName": own("certificateProviderName"),
            "accountDefaultForOperations": Property("accountDefaultForOperations", required=True),
            "lambdaFunctionArn": Property("lambdaFunctionArn", required=True),
            "tags": TAGS,
        },
        {"arn": "certificateProviderArn"},
        Plain(
            "certificateProviderName",
            "create_certificate_provider",
            "describe_certificate_provider",
            "update_certificate_provider",
            "delete_certificate_provider",
        ),
        name="certificateProviderName",
        tagging=Tagging("certificateProviderArn"),
        is_regional=False,
    ),
)
