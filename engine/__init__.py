"""How the Pulumi engine is had: found on PATH, or built once into a per-user cache."""
