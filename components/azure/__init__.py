"""Azure components: hubs, provisioning service, certificate authority, enrollment groups."""
