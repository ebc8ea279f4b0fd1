"""The stand-in for `azure-native`: ARM through the published azure-mgmt clients.

`plugin.AzureNative` is what the engine talks to; `table.TYPES` and `table.FUNCTIONS` say what it serves:
a new resource type is an entry there.
"""

PLUGIN_NAME = "azure-native"
PLUGIN_VERSION = "3.29.0"
"""The pulumi-azure-native release whose resources this serves; its API versions stand in `table`."""
