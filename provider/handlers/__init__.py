"""One handler a resource: check, diff, create, read, update, delete."""
