"""Everything that is made from `lyhord_wire.tables`: `make docs` writes it, a test says when it is stale."""
