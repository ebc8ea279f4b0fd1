"""The `muster` Pulumi provider: `server.py` speaks the protocol, `handlers/` decide, `clients/` talk REST."""
