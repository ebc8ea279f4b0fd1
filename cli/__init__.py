"""The `muster` command: thin, one file a subcommand."""
