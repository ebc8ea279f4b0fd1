"""Identities of a fleet: authorities, devices, chains, proofs, what becomes of them. No pulumi, no cloud SDK.

Public surface (import the module you need; nothing is re-exported here, so that a program that reads public
chains never loads code that touches keys):

- `certs.chain`: `load_certificate`, `load_chain`, `verify_leaf`, `pem`. Public certificates only.
- `certs.authority`: `init` makes a root and one issuer a factory; `Authority` is one that is there.
- `certs.ceremony`, `certs.handover`: an offline root. `certs.succession`: a new root or issuer beside it.
- `certs.issue`: `issue_device`, `issue_leaf`, `issue_from_request`. `certs.csr`: certificate requests.
- `certs.profiles`, `certs.keys`, `certs.clouds`: kinds of certificates and keys, and what clouds take.
- `certs.preflight`: a chain as a cloud will see it. `certs.revoked`: revocation lists, read.
- `certs.possession`: `prove` answers a cloud's verification code.
- `certs.store`: `KeyStore`, keys found by public key. `certs.signers`: the `Signer` protocol and its kinds.
- `certs.bulk`: many at once. `certs.life`: ledger, inventory, renewal, revocation, rotation.
- `certs.errors`: every error; all are `CertsError`.
"""
