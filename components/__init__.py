"""What `pulumi up` creates: component resources, and `fleet.py` that builds them from a description."""
