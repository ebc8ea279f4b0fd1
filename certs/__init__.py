"""Device identities: authorities, leaves, chains, proof of possession, and the key store. No pulumi."""
