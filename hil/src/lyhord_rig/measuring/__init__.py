"""Benches: bytes on the air, charge per report, sizes and heap, and their budgets."""
