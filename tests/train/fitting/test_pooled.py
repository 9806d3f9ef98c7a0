"""Which photos decide whether the last block is fine-tuned."""

from types import SimpleNamespace

import numpy as np
import pytest

from train.fitting.crossval import CrossValidation
from train.fitting.pooled import right_where_it_counts

OWN = np.eye(2)[[0, 1, 1]]  # right, right, wrong
ELSEWHERE = np.eye(2)[[1, 0, 1, 1]]  # right, right, right, wrong


@pytest.mark.parametrize(("targets", "expected"), [([], [1, 0]), ([1, 0, 1, 0], [1, 1, 1, 0])])
def test_photos_from_elsewhere_decide_alone_where_there_are_any(targets: list[int], expected: list[int]):
    data = SimpleNamespace(
        targets=np.array([0, 1, 0]),
        not_test=np.array([1, 2]),
        elsewhere=SimpleNamespace(targets=np.array(targets, np.int64)),
    )
    crossval = CrossValidation(OWN[np.newaxis], np.array([0.5]), ELSEWHERE[np.newaxis, : len(targets)])
    assert right_where_it_counts(crossval, data).tolist() == expected
