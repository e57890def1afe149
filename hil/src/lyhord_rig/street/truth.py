"""The line of truth: what the nodes took against what the platform has. docs/decisions/truth-line.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .platform import Ledger


@dataclass(frozen=True, slots=True)
class Truth:
    """Samples taken, identities at the platform, and what is wrong between the two."""

    taken: int
    arrived: int
    missing: tuple[str, ...]
    doubled: tuple[str, ...]
    redelivered: int

    @property
    def holds(self) -> bool:
        """True if every sample is at the platform exactly once, and there was at least one."""
        return self.taken > 0 and not self.missing and not self.doubled

    def __str__(self) -> str:
        again = f" (redelivered {self.redelivered})" if self.redelivered else ""
        return (
            f"taken {self.taken}, at the platform {self.arrived}, "
            f"missing {len(self.missing)}, doubled {len(self.doubled)}{again}"
        )


def judge(taken: Mapping[str, int], ledger: Ledger) -> Truth:
    """taken: node (six hex digits) → number of samples it took, which are numbered from 0."""
    missing = []
    doubled = list(ledger.conflicts)
    for node, count in taken.items():
        numbers = ledger.numbers(node)
        missing += [f"{node} #{seq}" for seq in range(count) if seq not in numbers]
        # A number that the node never gave away can only be another sample's double.
        doubled += [f"{node} #{seq} was never taken" for seq in sorted(numbers) if seq >= count]
    return Truth(sum(taken.values()), len(ledger.rows), tuple(missing), tuple(doubled), ledger.redelivered)
