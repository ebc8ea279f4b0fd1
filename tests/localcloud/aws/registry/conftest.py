"""A control plane in this process, asked by real boto3 clients."""

from tests.localcloud.aws.control.conftest import aws, clients, clock, iot

__all__ = ["aws", "clients", "clock", "iot"]
