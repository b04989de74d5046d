"""The database: the only home of SQLAlchemy. Rows leave it as frozen dataclasses.

Every function here is a plain `def` over an open `Connection`, so that a use case runs several in
one transaction, from the CLI's single thread or from the daemon's group commit alike.
"""
