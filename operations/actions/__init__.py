"""What is done to one device: disabled, and enabled again.

Invariants:
- The enrollment comes first, then the hub: a device that was cut off from its hub would else register anew.
- A step is on record before it is done and after it was done. Whatever is killed in between, the same command
  run again goes on from there, with the same operation.
- Disabling is idempotent: what is in effect is let be, what somebody undid is done again.
- `enable` undoes what the record says that we did, and only while it still is as we left it.

`holds` reads the record, `seen` looks, `steps` decides (neither `holds` nor `steps` has IO), `disable` and
`enable` do.
"""
