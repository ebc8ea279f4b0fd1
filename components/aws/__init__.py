"""AWS components; they know nothing of the fleet description, and nothing of components/azure/.

ThingRegistry          thing types, groups (static and dynamic), billing groups
DevicePolicy           what devices may do; `policy` compiles it, without pulumi
CertificateAuthority   issuers registered with AWS IoT, each with proof of possession
JustInTimeProvisioning, JustInTimeRegistration, FleetProvisioning    how devices of a group are enrolled
                       (shared: `provisioning_template`, `enrolment_function`, `packages`, `roles`); the code
                       that runs in AWS Lambda is in functions/
RegisteredThing, DeviceManifest    one device that is known beforehand; many, from a file
RoleAlias              credentials of AWS for devices
EndpointSecurity       where devices connect to, and how well that is protected
AccountWide, Audit, Mitigation, Detect    the account's own settings, audits, alarms
TelemetryPipeline      messages of devices to a queue or a stream
ProvisionerRole        the temporary permission to provision (`provisioner_rights`)
place, names, service_role    ARNs, names, roles that AWS services take on

Each component has a token `muster:aws:<name>`, takes a TypedDict, and names its children from its own name.
"""
