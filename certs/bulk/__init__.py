"""Identities for many devices at once: a list in, an append-only bundle of certificates and sealed keys out.

- `certs.bulk.lists`, `certs.bulk.requests`: registration ids, or CSRs, from CSV, Parquet, a range, a folder.
- `certs.bulk.run`: `Commission` says what to issue; `issue` checks all of it, then issues, and can go on.
- `certs.bulk.bundle`: `Bundle` reads what came out, batch by batch, verified.
- `certs.bulk.exports`: from a bundle to what a factory line flashes.
- `certs.bulk.plan`: how long, how much disk, how much memory, measured on this machine.
- `certs.bulk.errors`: every error; all are `certs.errors.CertsError`.
"""
