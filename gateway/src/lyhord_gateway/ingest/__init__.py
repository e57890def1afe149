"""From a frame to what the store is asked to keep, and the answer that follows the commit."""
