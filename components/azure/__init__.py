"""Azure components; they know nothing of the fleet description.

IotHub                 a hub: who may come in and from where (`hub_network`), what it sends where and by which
                       right (`hub_routing`, `hub_endpoints`)
RoutingTargets         event hubs, queues, topics and containers of our own, for hubs to send to
ProvisioningService    DPS, its identity, its rights on the hubs, its links to them
CertificateAuthority   a CA chain in DPS and hubs, each certificate with proof of possession
DeviceRegistry         certificates from CSRs: a namespace, its CAs, its links to DPS and hubs
EnrollmentGroup, IndividualEnrollment, DeviceManifest    who may be provisioned (shared: `provisioning`)
AllocationFunction     custom allocation: a function that DPS asks, and a template to copy
HubDevice, DeviceConfiguration    devices by name: gateways and children; automatic device management
Monitoring             logs in a workspace, and `alerts`
roles                  built-in roles, assigned at the narrowest scope

pulumi_azure_native loads a namespace when it is first touched, and the larger ones take half a second:
annotations name its types in quotes, and importing a module here touches none but `iothub`.

Each component has a token `muster:azure:<name>`, takes a TypedDict, and names its children from its own name.
"""
