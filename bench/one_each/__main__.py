"""A fleet as most programs have it: one resource a device."""

import pulumi

from components import muster

config = pulumi.Config()
host, prefix = config.require("host"), config.require("prefix")
options = pulumi.ResourceOptions(provider=muster.Provider("one-each-muster"))
for number in range(config.require_int("devices")):
    name = f"{prefix}-{number:07}"
    muster.IndividualEnrollment(
        name,
        {
            "service_host": host,
            "registration_id": name,
            "symmetric_key": True,
            "allocation_policy": "hashed",
            "iot_hubs": [],
            "initial_twin": {"tags": {"line": "reefer"}, "desired": {"intervalSeconds": 60}},
            "reprovision": "migrate",
            "enabled": True,
        },
        options,
    )
