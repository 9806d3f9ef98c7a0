"""How slim a network must be to answer in so many milliseconds on this machine.

The time depends on the widths, not on the weights. So candidates have the widths that slimming would choose and random
weights; each is converted, quantized and timed as the finished file would be, and bisection finds the least speed-up.
"""

import math
import statistics
import time
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import onnxruntime as ort

from edge_infer.runtime.session import CPU_PROVIDER, INPUT_NAME, session_options
from export.conversion.convert import convert
from export.conversion.int8 import quantize_untested
from export.conversion.quantize import WEIGHT_BITS
from train.data.dataset import Dataset
from train.errors import GoalError
from train.networks.network import build_network
from train.options import LARGEST_SPEEDUP
from train.progress import say
from train.recipes import Recipe
from train.runs.finished import FinishedRun
from train.slim.base import MeasuredChannels, measure_channels
from train.slim.distillation import Distillation
from train.slim.goal import Goal, check_goal
from train.slim.original import frozen_base
from train.slim.pipeline import pictures_to_learn_from
from train.slim.teaching import teach
from train.slim.to_goal import pooled_head
from train.slim.widths import largest_speedup, widths_for_speedup

CLOSE_ENOUGH = 1.05  # of the speed-ups between which the search ends
_CALIBRATION_PICTURES = 2
_ROUNDS, _RUNS = 5, 15


@dataclass(frozen=True, slots=True)
class Found:
    """What a goal in milliseconds comes to.

    Attributes:
        speedup: The least that is fast enough, rounded up to 0.1.
        ms: Time of one answer of the network with these widths, as by `time_network`.
    """

    speedup: float
    ms: float


def speedup_for(
    latency_ms: float, run: FinishedRun, dataset: Dataset, size: Goal, *, threads: int, cache: Path
) -> Found:
    """Find the least speed-up at which a slim network, in int8, answers in a given time on this machine.

    Args:
        latency_ms: The goal: the time of the bare network for one picture, as by `time_network`.
        run: A finished run that is not slim.
        dataset: Its photos.
        size: The slim network's input and first step; its speed-up and width are of no account.
        threads: Threads of one answer.
        cache: Feature cache.

    Raises:
        GoalError: No network is so fast, or the input does not fit.
    """
    check_goal(size, run.recipe)
    recipe = size.resized(run.recipe)
    data = run.data(dataset)
    base = frozen_base(run)
    teaching = teach(base, pictures_to_learn_from(data), run.recipe, Distillation(views=1, epochs=1), cache)
    measured = measure_channels(base, recipe, pooled_head(run), teaching)
    classes = len(run.metrics["labels"])

    def ms_at(speedup: float) -> float:
        widths = _widths(measured, run.recipe, recipe, speedup)
        ms = time_network(replace(recipe, widths=widths, fine_tune=None, mixed_precision=False), classes, threads)
        say(f"{speedup:.1f} times less to compute: {ms:.2f} ms")
        return ms

    sizes = (run.recipe.image_size, recipe.image_size, recipe.first_stride)
    reachable = min(LARGEST_SPEEDUP, largest_speedup(measured.pruner.layers, measured.sensitivities, *sizes))
    most = math.floor(10 * reachable) / 10
    least, ms = 1.0, ms_at(most)
    if ms > latency_ms:
        raise GoalError(
            f"with a speed-up of {most:g}, the network takes {ms:.2f} ms on {threads} thread(s) of this machine: "
            "give more milliseconds, or a smaller --image-size"
        )
    while most / least > CLOSE_ENOUGH:
        middle = math.ceil(10 * math.sqrt(most * least)) / 10
        if middle >= most:
            break
        tried = ms_at(middle)
        if tried <= latency_ms:
            most, ms = middle, tried
        else:
            least = middle
    return Found(most, ms)


def time_network(recipe: Recipe, classes: int, threads: int) -> float:
    """Return the time in ms in which a network of a recipe's widths, in int8, answers for one picture.

    It is the least of five medians, where the report of an export has one.
    """
    keras.utils.set_random_seed(0)
    network = build_network(recipe, classes, None)
    rng = np.random.default_rng(0)
    shape = (_CALIBRATION_PICTURES, 1, *network.input_shape[1:])
    pictures = list(rng.integers(0, 256, shape, np.uint8))
    model = quantize_untested(convert(network, 1.0), pictures)
    session = ort.InferenceSession(
        model.SerializeToString(), session_options(WEIGHT_BITS, threads=threads), providers=[CPU_PROVIDER]
    )

    def answer_s() -> float:
        started = time.perf_counter()
        session.run(None, {INPUT_NAME: pictures[0]})
        return time.perf_counter() - started

    # The best of some medians: what else the machine did in the other rounds says nothing of the network.
    return 1e3 * min(statistics.median(answer_s() for _ in range(_RUNS)) for _ in range(_ROUNDS))


def _widths(measured: MeasuredChannels, full: Recipe, slim: Recipe, speedup: float) -> tuple[int, ...]:
    return widths_for_speedup(
        measured.sensitivities, measured.pruner.layers, full.image_size, slim.image_size, speedup, slim.first_stride
    )
