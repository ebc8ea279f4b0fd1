"""Local stand-ins for provider plugins that cannot reach a real cloud."""
