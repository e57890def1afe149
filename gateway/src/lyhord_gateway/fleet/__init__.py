"""The registry as people and platforms change it: nodes, keys, orders."""
