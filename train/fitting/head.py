"""Fit a pooled head on cached features: a second, and the same numbers everywhere.

The head is one Dense layer with softmax on root-normalized features: a multinomial
logistic regression, a convex problem with one solution, which scikit-learn finds. It is
solved on standardized features, where one penalty fits all of them; the standardization
is then folded into the layer, so the network needs no extra step for it.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import keras
import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from edge_infer.atomic_files import write_atomic
from train.metrics import Floats, Ints, softmax
from train.networks.network import root_normalize
from train.views.features import Features

MAX_ITERATIONS = 2048
STRANGE_DEVIATIONS = 4.0  # far enough below the training photos to leave them alone
_SHRINKAGE = 10.0  # of the covariance, towards a sphere of its own mean variance
LEAST_SCALE = 0.3  # of the features' typical deviation, by which a feature is divided; VGG16's own are all above
_EPSILON = 1e-12
_LEAST_DEVIATION = 0.005  # of features of unit length: photos may all be the same
BASELINE_INVERSE_L2 = 1.0  # scikit-learn's default: the baseline is what anyone would run


@dataclass(frozen=True, slots=True)
class LinearHead:
    """A Dense layer.

    Attributes:
        kernel: `float32 [D, C]`.
        bias: `float32 [C]`.
    """

    kernel: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]

    def logits(self, features: Floats) -> Floats:
        """Return `float32 [N, C]` for features `[N, D]`."""
        logits: Floats = features @ self.kernel + self.bias
        return logits

    def averaged(self, other: "LinearHead") -> "LinearHead":
        """Return the head whose logits are the mean of both."""
        half = np.float32(0.5)
        return LinearHead(half * (self.kernel + other.kernel), half * (self.bias + other.bias))


def save_head(path: Path, head: LinearHead) -> None:
    """Write a head, whole or not at all."""

    def write(unfinished: Path) -> None:
        with unfinished.open("wb") as file:
            np.savez(file, kernel=head.kernel, bias=head.bias)

    write_atomic(path, write)


def load_head(path: Path) -> LinearHead:
    """Read a head that `save_head` wrote.

    Raises:
        OSError: The file is missing.
        ValueError: It is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return LinearHead(arrays["kernel"], arrays["bias"])
    except (BadZipFile, EOFError, KeyError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error


def set_head(network: keras.Model, head: LinearHead) -> None:
    """Put a trained head into a network of the same recipe."""
    network.get_layer("logits").set_weights([head.kernel, head.bias])


def head_features(features: Features, taps: Sequence[str]) -> Floats:
    """Root-normalize and join pooled taps: `float32 [views, N, D]`."""
    return np.concatenate([root_normalize(features[tap]) for tap in taps], axis=-1)


def fit_linear(
    features: Floats,
    targets: Ints,
    inverse_l2: float,
    iterations: int = MAX_ITERATIONS,
    weights: Floats | None = None,
) -> LinearHead:
    """Solve a multinomial logistic regression.

    Args:
        features: `[N, D]` or, with several views of each photo, `[views, N, D]`.
        targets: Class indices `[N]`; every class from 0 on must occur.
        inverse_l2: scikit-learn's C, on standardized features.
        iterations: Stop the solver (L-BFGS) after so many.
        weights: How much each photo counts, `[N]`; by default all the same.
    """
    views = features.size // features.shape[-1] // len(targets)
    rows = features.reshape(-1, features.shape[-1])
    counting = None if weights is None else np.tile(weights, views)
    return fit_rows(rows, np.tile(targets, views), counting, inverse_l2, iterations)


def fit_rows(
    rows: Floats, targets: Ints, weights: Floats | None, inverse_l2: float, iterations: int = MAX_ITERATIONS
) -> LinearHead:
    """Solve a multinomial logistic regression on rows `[R, D]` with class indices and weights `[R]`.

    Only the weights' proportions count: the penalty stays the one for weights of 1.
    """
    if weights is not None:
        weights = weights / weights.mean()
    # In single precision the solver's line search can fail before it has converged.
    rows = rows.astype(np.float64)
    scaler = StandardScaler().fit(rows, sample_weight=weights)
    # A slim network's channel may lie still on all of these photos and move on the next.
    deviations = np.sqrt(scaler.var_)
    least = LEAST_SCALE * np.sqrt((deviations**2).mean())
    scaler.scale_ = np.maximum(deviations, least if least > _EPSILON else 1.0)
    model = LogisticRegression(C=inverse_l2, max_iter=iterations)
    # Its products are so small that a second thread only waits: on two cores, one is twice to five times as fast.
    with threadpool_limits(1), warnings.catch_warnings():
        if iterations < MAX_ITERATIONS:
            warnings.simplefilter("ignore", ConvergenceWarning)  # stopped early on purpose
        model.fit(scaler.transform(rows), targets, sample_weight=weights)
    coefficients, intercept = model.coef_, model.intercept_
    if len(coefficients) == 1:  # two classes: scikit-learn keeps the difference of the logits
        coefficients, intercept = np.vstack([0 * coefficients, coefficients]), np.append(0.0, intercept)
    kernel = (coefficients / scaler.scale_).T
    return LinearHead(kernel.astype(np.float32), (intercept - scaler.mean_ @ kernel).astype(np.float32))


def class_weights(targets: Ints, balance: float) -> Floats:
    """Return how much each photo counts, `[N]`: the mean class's size over its own, to the power of `balance`."""
    counts = np.bincount(targets)
    weights: Floats = (counts[counts > 0].mean() / counts[targets]) ** balance
    return weights


def familiarity(features: Floats) -> tuple[Floats, float]:
    """Return a linear function of the features that falls below 0 where they are unlike those of some photos.

    What all photos have in common tells them from other pictures: the direction of their mean, turned away from
    where they differ (their covariance, shrunk). The function is how far features reach in that direction, in
    standard deviations of the photos, plus `STRANGE_DEVIATIONS` less the photos' own mean.

    Args:
        features: Of the photos, `[N, D]`.

    Returns:
        Weights `[D]` and bias.
    """
    rows = features.astype(np.float64)
    mean, spread = rows.mean(axis=0), np.atleast_2d(np.cov(rows, rowvar=False, bias=True))
    ridge = _SHRINKAGE * spread.trace() / len(spread) + _EPSILON
    common = np.linalg.solve(spread + ridge * np.eye(len(spread)), mean)
    direction = common / np.linalg.norm(common)
    reach = rows @ direction
    deviation = max(reach.std(), _LEAST_DEVIATION)
    return direction / deviation, float(STRANGE_DEVIATIONS - reach.mean() / deviation)


def fitting_curve(
    train: tuple[Floats, Ints], validation: tuple[Floats, Ints], inverse_l2: float, weights: Floats | None = None
) -> dict[str, list[float]]:
    """Return loss and accuracy of the head after 1, 2, 4… solver iterations, for the curves.

    Args:
        train: Features `[views, N, D]` and class indices.
        validation: Features `[N, D]` and class indices.
        inverse_l2: As in `fit_linear`.
        weights: Likewise.
    """
    curve: dict[str, list[float]] = {
        name: [] for name in ("iterations", "loss", "accuracy", "val_loss", "val_accuracy")
    }
    iterations = 1
    while iterations <= MAX_ITERATIONS // 8:
        head = fit_linear(*train, inverse_l2, iterations, weights)
        curve["iterations"].append(iterations)
        for prefix, features, targets in (("", train[0][0], train[1]), ("val_", *validation)):
            logits = head.logits(features)
            curve[f"{prefix}loss"].append(log_loss(targets, softmax(logits), labels=range(logits.shape[1])))
            curve[f"{prefix}accuracy"].append(float((logits.argmax(axis=1) == targets).mean()))
        iterations *= 2
    return curve
