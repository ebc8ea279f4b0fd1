"""What is done to a fleet after `pulumi up`: devices disabled and enabled, CRLs followed, rotations watched.

No pulumi. Imports `certs`, `fleet` and `provider.clients`; only `cli` imports it. Where to look:

- `operations.cloud`: `Cloud`, what all of it needs of a cloud; `operations.azure`: DPS and hubs.
- `operations.actions`: disable and enable, one operation each; `seen`, `holds`, `steps` decide, without IO.
- `operations.audit`: `AuditLog`, the append-only record that `enable` undoes from.
- `operations.certificates`, `operations.inventory`: which device a certificate is of.
- `operations.crl`: CRLs, read and checked.
- `operations.revocation`, `operations.rotation`, `operations.keys`: the reconciler, the report, device keys.
- `operations.errors`: every error; all are `OperationsError`.
"""
