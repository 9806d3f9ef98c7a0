"""How a classifier loads its network and answers with it."""

from dataclasses import dataclass
from typing import Any, get_args

from edge_infer.faces.mode import FaceMode
from edge_infer.pictures.limits import check_limits
from edge_infer.pictures.turning import as_turn
from edge_infer.runtime.cpus import check_threads
from edge_infer.second_look import SecondLook


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of a `Classifier`, which documents them.

    Raises:
        ValueError: `threads` outside 1-1024, `max_pixels` or `max_bytes` below 1, `min_score` or `min_known` outside
            0-1, an unknown `faces` or `second_look`, or `rotate` by no quarters.
        TypeError: One of the first three is not a whole number.
    """

    threads: int | None
    provider: str
    min_score: float | None
    min_known: float | None
    max_pixels: int
    max_bytes: int
    rotate: int
    faces: FaceMode
    quick_start: bool
    spinning: bool
    second_look: SecondLook = "auto"

    def __post_init__(self) -> None:
        """Check what can be checked without the model."""
        check_threads(self.threads)
        check_limits(self.max_pixels, self.max_bytes)
        for name, least in (("min_score", self.min_score), ("min_known", self.min_known)):
            if least is not None and not 0 <= least <= 1:
                raise ValueError(f"{name} must be in 0-1, got {least}")
        as_turn(self.rotate)
        for name, chosen, choices in (
            ("faces", self.faces, get_args(FaceMode)),
            ("second_look", self.second_look, get_args(SecondLook)),
        ):
            if chosen not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, got {chosen!r}")

    @property
    def inference(self) -> dict[str, Any]:
        """What a session is started with, by `edge_infer.runtime.session.Session`'s names."""
        return {name: getattr(self, name) for name in ("threads", "provider", "quick_start", "spinning")}

    @property
    def loading(self) -> dict[str, int]:
        """What pictures are loaded with, by `edge_infer.pictures.loading`'s names."""
        return {name: getattr(self, name) for name in ("max_pixels", "max_bytes", "rotate")}
