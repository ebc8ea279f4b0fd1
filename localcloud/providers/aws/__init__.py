"""The stand-in for `aws`: pulumi-aws' resource types through botocore's clients.

`table.KINDS` says which types it serves, `functions.FUNCTIONS` which functions: a new type is an entry there.
"""

PLUGIN_NAME = "aws"
PLUGIN_VERSION = "7.51.1"
"""The pulumi-aws release whose tokens this serves."""
