"""What becomes of certificates after they were issued: inventory, renewal, revocation, rotation.

- `certs.life.ledger`: an append-only log whose lines are chained by their hashes.
- `certs.life.inventory`: `Inventory`, every certificate and its fate in one SQLite file, chained as well.
- `certs.life.revocation`: CRLs in partitions. `certs.life.ocsp`: answers for one certificate.
- `certs.life.renewal`: a new certificate for a device, and what becomes of the old one.
- `certs.life.waves`: rotation in waves that stop on failure.
"""
