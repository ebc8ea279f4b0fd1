"""The fleet description: frozen dataclasses, loading from a stack file, checks. No pulumi, no cloud SDK."""
