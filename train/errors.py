"""What can go wrong while training: one line that names the thing and what to do."""

from edge_infer.errors import EdgeInferError


class TrainError(EdgeInferError):
    """Base of the training stage's errors."""


class DataError(TrainError, ValueError):
    """The labelled photos cannot be trained on as they are."""


class WeightsError(TrainError, ValueError):
    """The base weights are missing or belong to another network."""


class RunFolderError(TrainError, FileExistsError):
    """The run folder exists, is missing, or belongs to another run."""


class GoalError(TrainError, ValueError):
    """No network is as slim, or as right, as was asked for."""


class DistillationError(TrainError, ArithmeticError):
    """A slim network could not be taught."""


class CacheError(TrainError, ValueError):
    """An entry of the feature cache is damaged."""


class KerasFileError(TrainError, ValueError):
    """A Keras file cannot be read, or holds what edge-infer does not take."""


class ImportDecisionError(TrainError, ValueError):
    """Photos do not decide what a Keras file does not say."""
