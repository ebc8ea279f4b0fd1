"""Manifests: many individual enrollments from one file, as one resource. docs/manifests.md tells users.

    file ──records──▶ entries ──scan──▶ what is wanted ┐
                                                       ├─ items ──sending, delivery──▶ the service
    service ──survey──▶ ledger ── what is there ───────┘

`deciding` and `entries` decide and have no IO; `records`, `scan` and `ledger` read and write files;
`delivery` alone sends. docs/adr/0008 says why the ledger lies on disk and the mark in the service."""
