"""AWS IoT's registries, one file a noun: operations of the control plane, plain methods for others."""
