import pytest

from edge_infer import errors
from edge_infer.errors import BulkError, CameraError, EdgeInferError, InputError, ModelError

BUILTIN = {
    "InputError": ValueError,
    "ImageNotFoundError": FileNotFoundError,
    "NoImagesError": FileNotFoundError,
    "ImageDecodeError": OSError,
    "UnsupportedImageError": TypeError,
    "ImageTooLargeError": ValueError,
    "NoFaceError": LookupError,
    "OutputError": OSError,
    "ModelNotFoundError": FileNotFoundError,
    "ModelFormatError": ValueError,
    "MetadataError": ValueError,
    "ChecksumError": ValueError,
    "ModelOutputError": ArithmeticError,
    "ProviderError": RuntimeError,
    "CameraNotFoundError": FileNotFoundError,
    "CameraPermissionError": PermissionError,
    "CameraUnavailableError": OSError,
    "CameraTimeoutError": TimeoutError,
    "CameraLostError": ConnectionError,
    "BadFrameError": ValueError,
    "OpenCVError": ImportError,
    "BulkLibraryError": ImportError,
    "OtherJobError": FileExistsError,
    "StorageError": OSError,
    "ClusterError": RuntimeError,
}
RAISED = sorted(name for name in vars(errors) if name.endswith("Error"))


def test_every_error_is_listed_here() -> None:
    assert set(RAISED) == {*BUILTIN, "EdgeInferError", "ModelError", "CameraError", "BulkError"}


@pytest.mark.parametrize("name", BUILTIN)
def test_an_error_is_also_the_builtin_it_resembles(name: str) -> None:
    assert issubclass(getattr(errors, name), BUILTIN[name])


@pytest.mark.parametrize("name", RAISED)
def test_an_error_belongs_to_one_family_and_keeps_its_message(name: str) -> None:
    error = getattr(errors, name)("what went wrong")
    assert isinstance(error, EdgeInferError)
    assert sum(isinstance(error, family) for family in (InputError, ModelError, CameraError, BulkError)) <= 1
    assert str(error) == "what went wrong"
