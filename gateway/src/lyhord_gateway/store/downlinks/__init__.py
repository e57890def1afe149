"""Downlinks: the queue of orders for nodes, and what goes out with an answer."""
