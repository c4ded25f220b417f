"""Memory: the store (SQLite or PostgreSQL), the hash chain, locks, kept outputs, signing and the evidence
bundle."""
