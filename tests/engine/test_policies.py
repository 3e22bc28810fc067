"""The values that the orchestrator and the driver read."""

from __future__ import annotations

import pytest

from headrace.engine.policies import NO_RETRIES, NO_SLOT_LIMIT, RetryPolicy


@pytest.mark.parametrize(("retry", "seconds"), [(1, 1.0), (2, 10.0), (3, 10.0), (99, 10.0)])
def test_the_last_delay_serves_all_further_retries(retry: int, seconds: float) -> None:
    assert RetryPolicy(99, (1.0, 10.0)).delay_before_retry(retry, draw=0.0) == seconds


@pytest.mark.parametrize(("draw", "seconds"), [(0.0, 10.0), (0.5, 12.5)])
def test_jitter_stretches_a_delay_by_a_share_of_itself(draw: float, seconds: float) -> None:
    assert RetryPolicy(1, (10.0,), jitter_factor=0.5).delay_before_retry(1, draw=draw) == seconds


def test_nothing_is_retried_or_limited_unless_somebody_says_so() -> None:
    assert NO_RETRIES.retries == 0
    assert NO_SLOT_LIMIT.count is None
