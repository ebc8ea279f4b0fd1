"""Azure Resource Manager on loopback: `service.ArmService`, driven by a table of resource types."""
