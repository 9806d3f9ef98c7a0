"""What can go wrong while exporting: one line that names the thing and what to do."""

from edge_infer.errors import EdgeInferError


class ExportError(EdgeInferError):
    """Base of the export stage's errors."""


class GraphError(ExportError, ValueError):
    """The converted graph is not what the model-file contract promises."""


class ParityError(ExportError, ValueError):
    """The exported file does not answer as the Keras network does."""


class DropError(ParityError):
    """int8 loses more answers than it may."""


class ModelNameError(ExportError, ValueError):
    """The name would put the file into another folder."""


class SecondLookError(ExportError, ValueError):
    """The model cannot look at the middle of a picture."""


class OutputExistsError(ExportError, FileExistsError):
    """The output file exists."""


class FetchError(ExportError, OSError):
    """A published file could not be fetched, or is not the pinned one."""


class BundleError(ExportError, ValueError):
    """A model file cannot be put into the package."""
