"""Access tokens at rest: sealed with keys that do not lie in the database."""
