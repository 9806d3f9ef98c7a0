"""Find faces: a picture in, boxes with scores and landmarks out.

The network is CenterFace, bundled as `faces`. It looks at the whole picture first, at a
size that takes milliseconds. What may be a face but is not sure is looked at once more
in a close-up: that finds twice as many of the small faces, and refuses nearly all of
what is none (docs/models.md).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from edge_infer.errors import MetadataError, ModelOutputError
from edge_infer.faces.close_ups import CLOSE_UP_SIDE, cut_square, squares_around
from edge_infer.faces.decoding import OUTPUTS, STRIDE, Detections, best_of_overlapping, decode, overlaps
from edge_infer.faces.orientation import is_upright, quarter_turns
from edge_infer.model_file.metadata import DetectorMetadata
from edge_infer.model_file.opening import open_model
from edge_infer.model_file.registry import DETECTOR
from edge_infer.pictures.limits import DEFAULT_MAX_BYTES, DEFAULT_MAX_PIXELS, check_limits
from edge_infer.pictures.loading import ImageSource, load_scene
from edge_infer.runtime.cpus import check_threads
from edge_infer.runtime.session import INPUT_NAME, first_line, start_session

_SAME_FACE_OVERLAP = 0.3
# A face that fills the picture is found best, and its landmarks are truest, when the picture is small.
_PORTRAIT_SIDE = 160
_FILLS_SHARE = 0.5  # of the picture's height
_MAX_CLOSE_UPS = 64
# A face with a lower score, or with landmarks out of shape, is looked at once more, turned by every quarter.
_PLAIN_SCORE = 0.65
# It is turned if a turned close-up shows it with a score that is higher by so much.
_TURNED_GAIN = 0.1
# The smallest face, pixels high, that a classifier sees as much of as of the most blurred training views.
_CLEAR_PX = 20
MAX_FACES = 100  # of a picture: the largest
# A JPEG may be decoded at a scale at which both sides still have so many pixels: a face that
# can be found then still has some for a classifier.
SCENE_SIDE = 1024


@dataclass(frozen=True, slots=True)
class Face:
    """One face.

    Attributes:
        box: Left, top, right, bottom in pixels of the upright picture, inside it.
        score: The detector's confidence, 0–1.
        landmarks: Left eye, right eye, nose tip, left and right corner of the mouth, as
            seen when the face is upright: x, y in pixels, possibly outside the picture.
        is_clear: Whether it is large enough, and plainly enough a face, to be sure of anything about it.
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: tuple[tuple[float, float], ...]
    is_clear: bool = True

    @property
    def width(self) -> float:
        """Width of the box, pixels."""
        return self.box[2] - self.box[0]

    @property
    def height(self) -> float:
        """Height of the box, pixels."""
        return self.box[3] - self.box[1]

    def scaled(self, scale: tuple[float, float]) -> "Face":
        """Return the face in pixels of a picture that is larger by `scale`, along x and y."""
        (left, top, right, bottom), (scale_x, scale_y) = self.box, scale
        return Face(
            (left * scale_x, top * scale_y, right * scale_x, bottom * scale_y),
            self.score,
            tuple((x * scale_x, y * scale_y) for x, y in self.landmarks),
            self.is_clear,
        )


class FaceDetector:
    """Finds faces. Safe to share between threads.

    Args:
        model: A bundled name, or the path of an `.onnx` file.
        threads: Threads of one inference; None for every core this process may use.
        provider: onnxruntime execution provider, such as `cpu`.
        min_score: Confidence in 0–1 from which something is a face; None for the model's own.
        candidate_score: Confidence in 0–1 from which a close-up decides whether a place is a face; None
            for the model's own, 1 for never.
        max_pixels: Refuse pictures that decode to more pixels than this.
        max_bytes: Refuse larger files.
        spinning: As in `Classifier`.

    Raises:
        ModelError: The model or the provider cannot be used.
        ValueError: `threads` outside 1–1024, `max_pixels` or `max_bytes` below 1, or `min_score` outside 0–1.
        TypeError: One of the first three is not a whole number.

    Example:
        >>> detector = FaceDetector()
        >>> [face.box for face in detector.detect("photo.jpg")]
        [(412.1, 96.4, 530.8, 251.0)]
    """

    def __init__(
        self,
        model: str | Path = DETECTOR,
        *,
        threads: int | None = None,
        provider: str = "cpu",
        min_score: float | None = None,
        candidate_score: float | None = None,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        max_bytes: int = DEFAULT_MAX_BYTES,
        spinning: bool = True,
    ) -> None:
        check_threads(threads)
        check_limits(max_pixels, max_bytes)
        if min_score is not None and not 0 <= min_score <= 1:
            raise ValueError(f"min_score must be in 0-1, got {min_score}")
        file = open_model(model, DetectorMetadata)
        self._session = start_session(file, threads=threads, provider=provider, spinning=spinning)
        _check_contract(self._session, str(file.path))
        self._metadata = file.metadata
        self._min_score = file.metadata.min_score if min_score is None else min_score
        wanted = file.metadata.candidate_score if candidate_score is None else candidate_score
        self._candidate_score = min(wanted, self._min_score)
        self._limits = {"max_pixels": max_pixels, "max_bytes": max_bytes}

    @property
    def metadata(self) -> DetectorMetadata:
        """What the model file says of itself."""
        return self._metadata

    def detect(self, source: ImageSource) -> tuple[Face, ...]:
        """Find the faces in a picture.

        Args:
            source: A path, bytes, binary file object, PIL image or `uint8 [H, W, 3]` RGB array.

        Returns:
            The faces, the largest first, at most `MAX_FACES`.

        Raises:
            InputError: The picture cannot be read.
            ModelOutputError: The network failed.
        """
        scene = load_scene(source, needed_side=SCENE_SIDE, **self._limits)
        return tuple(face.scaled(scene.scale) for face in self.detect_in(scene.image))

    def detect_in(self, image_rgb: Image.Image, *, quick: bool = False) -> tuple[Face, ...]:
        """Find the faces in a decoded, upright RGB image, as `detect` does.

        Args:
            image_rgb: The picture.
            quick: Leave out the last look for small faces, which costs several times the rest.
        """
        long_side = self._metadata.long_side
        faces = self._detect_at(image_rgb, long_side)
        if not faces:
            faces = self._detect_at(image_rgb, _PORTRAIT_SIDE)
        elif faces[0].height > _FILLS_SHARE * image_rgb.height:
            faces = _largest_first((self._as_portrait(image_rgb, faces[0]), *faces[1:]))
        if not faces and not quick and max(image_rgb.size) > long_side:
            faces = self._detect_at(image_rgb, 2 * long_side)  # a last look for small ones
        return _largest_first(self._looked_over(image_rgb, face) for face in faces)

    def find_again(self, image_rgb: Image.Image, faces: Sequence[Face]) -> tuple[Face, ...]:
        """Find faces where they were a moment ago, in a fifth of the time of `detect_in`.

        Args:
            image_rgb: A frame of a video, mode RGB.
            faces: Those of an earlier frame.

        Returns:
            Those that are still there, the largest first; none that is new.
        """
        faces = faces[:_MAX_CLOSE_UPS]
        turns = [quarter_turns(face.landmarks) for face in faces]
        seen = self._close_ups(image_rgb, np.array([face.box for face in faces]), turns)
        return _largest_first(face for face in seen if face is not None)

    def _as_portrait(self, image_rgb: Image.Image, face: Face) -> Face:
        """Return a face that fills the picture as it is seen from further away."""
        seen = self._detect_at(image_rgb, _PORTRAIT_SIDE)
        shared = overlaps(np.array(face.box), np.array([other.box for other in seen]).reshape(-1, 4))
        return seen[int(shared.argmax())] if (shared > _SAME_FACE_OVERLAP).any() else face

    def _detect_at(self, image_rgb: Image.Image, long_side: int) -> tuple[Face, ...]:
        """Find the faces with the image's longer side scaled to `long_side` pixels."""
        found = self._look(image_rgb, long_side, self._candidate_score)
        is_sure = found.scores >= self._min_score
        faces = [
            *_faces(found, np.flatnonzero(is_sure), image_rgb.size),
            *(face for face in self._close_ups(image_rgb, found.boxes[~is_sure][:_MAX_CLOSE_UPS]) if face),
        ]
        # Two close-ups may show the same face.
        boxes = np.array([face.box for face in faces]).reshape(-1, 4)
        kept = best_of_overlapping(boxes, np.array([face.score for face in faces]), self._metadata.max_overlap)
        return _largest_first(faces[i] for i in kept)[:MAX_FACES]

    def _look(self, image_rgb: Image.Image, long_side: int, min_score: float) -> Detections:
        """Run the network on the whole image once."""
        width, height = image_rgb.size
        factor = long_side / max(width, height)
        columns, rows = (_rounded_up(side * factor, self._metadata.multiple) for side in (width, height))
        pixels = np.asarray(image_rgb.resize((columns, rows), Image.Resampling.BILINEAR))
        (maps,) = self._run(pixels[np.newaxis])
        found = decode(maps, min_score, self._metadata.max_overlap)
        return found.moved(np.array([width / columns, height / rows]), np.zeros(2))

    def _looked_over(self, image_rgb: Image.Image, face: Face) -> Face:
        """Return a face as it is seen turned upright, and doubt it if no close-up shows it."""
        is_plain = face.score >= _PLAIN_SCORE and is_upright(face.landmarks)
        if is_plain or not face.is_clear:
            return face
        upright, *turned = self._close_ups(image_rgb, np.array([face.box] * 4), range(4))
        best = max(filter(None, turned), key=lambda seen: seen.score, default=None)
        score = self._min_score if upright is None else upright.score
        if best is not None and best.score > score + _TURNED_GAIN:
            return best
        return replace(face, is_clear=upright is not None)

    def _close_ups(
        self, image_rgb: Image.Image, boxes: npt.NDArray[np.float64], turns: Sequence[int] | None = None
    ) -> list[Face | None]:
        """Look at boxes `[K, 4]` once more.

        Args:
            image_rgb: The picture.
            boxes: Where faces may be.
            turns: How many quarter turns, counter-clockwise, each close-up is turned by; None for none.

        Returns:
            The face that is in each box, as seen in the close-up; None where there is none.
        """
        if not len(boxes):
            return []
        turns = [0] * len(boxes) if turns is None else turns
        corners, sides = squares_around(boxes)
        pixels = [cut_square(image_rgb, *square) for square in zip(corners, sides, turns, strict=True)]
        seen: list[Face | None] = []
        for box, corner, side, turn, maps in zip(
            boxes, corners, sides, turns, self._run(np.stack(pixels)), strict=True
        ):
            found = decode(maps, self._min_score, self._metadata.max_overlap).turned_back(turn, CLOSE_UP_SIDE)
            found = found.moved(np.full(2, side / CLOSE_UP_SIDE), corner)
            same = np.flatnonzero(overlaps(box, found.boxes) > _SAME_FACE_OVERLAP)
            seen.append(next(iter(_faces(found, same[:1], image_rgb.size)), None))
        return seen

    def _run(self, batch_nhwc: npt.NDArray[np.uint8]) -> list[dict[str, npt.NDArray[np.float32]]]:
        """Return each picture's maps by name, `float32 [channels, H/4, W/4]`."""
        try:
            maps = self._session.run(list(OUTPUTS), {INPUT_NAME: batch_nhwc})
        except Exception as error:  # onnxruntime's error classes share no base of their own
            raise ModelOutputError(f"onnxruntime could not run the face detector: {first_line(error)}") from error
        count, height, width = batch_nhwc.shape[:3]
        for (name, channels), values in zip(OUTPUTS.items(), maps, strict=True):
            wanted = (count, channels, height // STRIDE, width // STRIDE)
            if values.shape != wanted or not np.isfinite(values).all():
                raise ModelOutputError(
                    f"the face detector's {name} is not a map of finite numbers: the file is damaged"
                )
        return [dict(zip(OUTPUTS, picture, strict=True)) for picture in zip(*maps, strict=True)]


def _largest_first(faces: Iterable[Face]) -> tuple[Face, ...]:
    return tuple(sorted(faces, key=lambda face: -face.width * face.height))


def _faces(found: Detections, chosen: npt.NDArray[np.int64], size: tuple[int, int]) -> list[Face]:
    """Return the chosen detections, their boxes cut at the picture's border."""
    boxes = np.clip(found.boxes[chosen], 0, np.tile(size, 2))
    return [
        Face((left, top, right, bottom), score, tuple((x, y) for x, y in points), bottom - top >= _CLEAR_PX)
        for (left, top, right, bottom), score, points in zip(
            boxes.tolist(), found.scores[chosen].tolist(), found.landmarks[chosen].tolist(), strict=True
        )
        if right > left and bottom > top
    ]


def _rounded_up(side: float, multiple: int) -> int:
    return max(multiple, int(np.ceil(side / multiple)) * multiple)


def _check_contract(session: Any, path: str) -> None:  # noqa: ANN401  # untyped library
    inputs = [(node.name, node.type, len(node.shape)) for node in session.get_inputs()]
    outputs = {node.name: (node.type, len(node.shape)) for node in session.get_outputs()}
    if inputs != [(INPUT_NAME, "tensor(uint8)", 4)] or outputs != dict.fromkeys(OUTPUTS, ("tensor(float)", 4)):
        raise MetadataError(f"{path}: the graph is not that of a face detector: {inputs} -> {outputs}")
