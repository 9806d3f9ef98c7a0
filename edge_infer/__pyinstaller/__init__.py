"""Where PyInstaller finds the hook of this package (entry point `pyinstaller40`)."""

from pathlib import Path


def get_hook_dirs() -> list[str]:
    """Return the folder of the hook: it takes the models, the font and the webcam's page along."""
    return [str(Path(__file__).parent)]
