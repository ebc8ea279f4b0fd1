"""Thousands of connected devices for minutes, under faults: is a device, a message or a twin change lost?

    plan      how long, how many, how often
    device    one device on the wire: it connects, sends, follows its twin, and comes back after any failure
    ledger    what a device did and saw, as the audit needs it
    weather   the faults of the local cloud, one kind after the other
    operator  a service that changes twins all the time
    service   what the cloud holds at the end
    audit     ledgers against cloud, pure: every finding is a sentence
    run       all of it together

`python -m bench.soak --minutes 10` is `make soak`.
"""
