"""Device identities: authorities, leaves, chains, proof of possession, the key store. No pulumi.

Public surface (import the module you need; nothing is re-exported here, so that a program that reads public
chains never loads code that touches keys):

- `certs.chain`: `load_certificate`, `load_chain`, `verify_leaf`, `pem`. Public certificates only.
- `certs.authority`: `init` makes a root and one issuer a factory.
- `certs.issue`: `issue_leaf`, `issue_device`, `new_key`.
- `certs.possession`: `prove` answers a cloud's verification code.
- `certs.store`: `KeyStore`, encrypted keys found by public key. `certs.signers`: the `Signer` protocol.
- `certs.errors`: every error; all are `CertsError`.
"""
