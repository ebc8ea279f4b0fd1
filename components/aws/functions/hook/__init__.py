"""The pre-provisioning hook of fleet provisioning: whether a device with a claim may be registered."""
