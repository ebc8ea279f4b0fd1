"""The stand-in for `aws-native`: the types that pulumi-aws has not, through botocore's clients.

The published plugin asks Cloud Control, which calls a service's own API; this calls that API itself.
`table.KINDS` says which types it serves: a new type is an entry there.
"""

PLUGIN_NAME = "aws-native"
PLUGIN_VERSION = "1.84.0"
"""The pulumi-aws-native release whose tokens this serves."""
