"""Who picks a device's hub when allocation is custom: a function of our own, or somebody else's webhook."""

from urllib.parse import quote

import pulumi

from components.azure.allocation_function.component import AllocationFunction
from components.fleet.azure.ground import Ground
from fleet.description import External, Function


def function_app(ground: Ground) -> AllocationFunction | None:
    """The function app, when the description has one."""
    app = ground.fleet.on_azure.function_app
    if app is None:
        return None
    return AllocationFunction(
        ground.named("functions"),
        {
            "resource_group_name": ground.place,
            "app_name": app.name,
            "location": ground.fleet.on_azure.location,
            "files": ground.sources.functions,
            "tags": ground.tags,
        },
        ground.opts,
    )


def url(
    webhook: Function | External | None, functions: AllocationFunction | None
) -> pulumi.Output[str] | None:
    """The address that DPS asks, with its key, as a secret; None when nobody is asked.

    Raises pulumi.RunError when the secret that the description names is not in the stack's config.
    """
    match webhook:
        case Function() if functions is not None:
            return functions.webhook_url(webhook.name)
        case External():
            return pulumi.Output.secret(_external(webhook))
    return None


def _external(webhook: External) -> pulumi.Input[str]:
    if webhook.key_from is None:
        return webhook.url
    key = pulumi.Config().get_secret(webhook.key_from)
    if key is None:
        raise pulumi.RunError(
            f"the key of the webhook {webhook.url} is missing from this stack's config: "
            f"`pulumi config set --secret {webhook.key_from}`"
        )
    return key.apply(lambda text: f"{webhook.url}?code={quote(text, safe='')}")
