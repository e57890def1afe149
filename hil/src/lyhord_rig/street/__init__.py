"""Nodes in their places, the gateway and the brokers around them, and the truth at the end."""
