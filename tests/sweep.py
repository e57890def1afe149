"""Cases that `make test` leaves to `make sweep`: of a long list of one kind, a sample runs every time."""

from typing import Any

import pytest


def beyond(*cases: Any) -> list[Any]:
    """Further cases of a `parametrize`, for `make sweep` only; a tuple is one case of several arguments."""
    return [
        pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.sweep)
        for case in cases
    ]


def sampled(cases: dict[str, Any], *names: str) -> list[Any]:
    """All cases by name, of which these run every time."""
    rest = [pytest.mark.sweep]
    return [pytest.param(case, id=name, marks=[] if name in names else rest) for name, case in cases.items()]
