from dataclasses import replace
from types import SimpleNamespace

import numpy as np

from benchmarks.quality.weight_bits import measure_bits
from edge_infer.model_file.metadata import InputSpec
from export.candidate import answered
from tests.export.conversion.test_int8 import LAYERS, SIDE_PX, network
from tests.support.tiny_model import METADATA


def test_7_and_8_bits_are_measured_against_fp32_each_layer_alone_and_all_together():
    rng = np.random.default_rng(1)
    pictures = [rng.integers(0, 256, (SIDE_PX, SIDE_PX, 3), np.uint8) for _ in range(12)]
    metadata = replace(METADATA, labels=("a", "b", "c"), input=InputSpec(SIDE_PX, SIDE_PX), min_score=0.0)
    fp32 = answered(network(), metadata, {}, pictures)
    parts = {"train": np.arange(8), "validation": np.arange(8, 10), "test": np.arange(10, 12)}
    targets = fp32.answers.argmax(axis=1)
    targets[8] = (targets[8] + 1) % 3  # one of the photos held out is answered wrongly

    rows = measure_bits(fp32, pictures, SimpleNamespace(part=parts.__getitem__, targets=targets))
    assert list(rows) == ["fp32", "7 bits", "8 bits"]
    assert rows["fp32"]["mean_difference"] == rows["fp32"]["agreement_with_fp32"]["largest_difference"] == 0
    seven, eight = rows["7 bits"], rows["8 bits"]
    for row in (seven, eight):
        assert list(row["layer_errors"]) == LAYERS
        assert row["layers_kept_in_float"] == []
        assert (row["agreement_with_fp32"]["count"], row["agreement_with_fp32"]["of"]) == (12, 12)
        assert row["same_certainty"]["count"] == 12
        assert (row["right_held_out"]["count"], row["right_held_out"]["of"]) == (3, 4)
        assert row["latency_ms"]["1"] > 0
    assert sum(seven["layer_errors"].values()) > sum(eight["layer_errors"].values()) > 0
    assert seven["mean_difference"] > eight["mean_difference"] > 0
