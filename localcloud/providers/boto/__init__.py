"""What the stand-ins for `aws` and `aws-native` share: AWS' published models and clients (botocore's).

`entries` is what a table says of a resource type, `models` reads what its properties may be from botocore's
service models, `body` goes between declarations and calls, `calls` makes them, `resource` is a type from
check to delete.
"""
