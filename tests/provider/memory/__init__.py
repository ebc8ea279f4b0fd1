"""Azure's answers from memory: documents that tests may read and edit."""
