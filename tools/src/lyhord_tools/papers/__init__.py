"""Paper: labels for boards, and reports about them."""
