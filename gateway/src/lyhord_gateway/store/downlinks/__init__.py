"""What nodes are to be told: the queue of orders, and what goes out with an answer."""
