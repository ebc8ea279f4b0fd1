"""The muster provider itself."""

import pulumi


class Provider(pulumi.ProviderResource):
    """An explicit instance of the muster provider. It has no inputs.

    The default instance would be handed the stack's whole `muster:` configuration, the fleet description
    among it, as inputs of its own.
    """

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("muster", name, {}, opts)
