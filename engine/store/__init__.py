"""The books on disk: SQLite in WAL mode, one writer."""
