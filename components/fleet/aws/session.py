"""With whose credentials, in which account: found out before anything is declared."""

import os

import pulumi
import pulumi_aws
import pulumi_aws_native

from fleet.description import Aws


def providers(name: str, aws: Aws) -> tuple[pulumi_aws.Provider, pulumi_aws_native.Provider]:
    """Explicit instances, of the region that the description says."""
    return (
        pulumi_aws.Provider(f"{name}-aws", region=aws.region),
        pulumi_aws_native.Provider(f"{name}-aws-native", region=aws.region),
    )


def account(aws: Aws, provider: pulumi_aws.Provider) -> str:
    """The account of the credentials. A preview without an account takes the description's word for it.

    Raises pulumi.RunError when it is not the one that the description names, or there are no credentials.
    """
    if aws.account is not None and os.environ.get("MUSTER_OFFLINE"):
        return aws.account
    try:
        found = pulumi_aws.get_caller_identity(opts=pulumi.InvokeOptions(provider=provider)).account_id
    except Exception as error:  # noqa: BLE001 - the SDK raises nothing else for what a provider refused
        raise pulumi.RunError(
            f"nothing was changed: the AWS credentials cannot be used ({error}). Sign in (`aws sso login`), "
            "or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ) from None
    if aws.account is not None and found != aws.account:
        raise pulumi.RunError(
            f"nothing was changed: the AWS credentials are those of account {found}, the description says "
            f"{aws.account} (aws.account). Take the credentials of that account, or correct the description"
        )
    return found
