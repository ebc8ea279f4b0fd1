"""The reference device: enrol, connect, keep its twin, reconnect."""
