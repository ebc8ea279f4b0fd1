"""Azure components: hubs, provisioning service, certificate authority, enrollment groups.

IotHub                 a hub that takes devices with certificates only
ProvisioningService    DPS, its identity, its rights on the hubs, its links to them
CertificateAuthority   a CA chain in DPS, each certificate with proof of possession
EnrollmentGroup        the devices of one issuer, and how they are provisioned

Each has a token `muster:azure:<name>`, takes a TypedDict, and names its children from its own name.
"""
