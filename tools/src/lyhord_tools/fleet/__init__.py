"""Identities of nodes: ids, keys and who has which."""
