"""Access points, and a board's station and sockets."""
