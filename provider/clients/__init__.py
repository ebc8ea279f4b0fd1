"""Plain REST clients of Azure services. No pulumi."""
