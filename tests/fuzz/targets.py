"""What is fuzzed: each target makes case number i out of a seed, and runs it.

A case ends as `answered` or as the name of a typed error. Any other exception, and any
answer that is wrong on its face, is a finding.
"""

import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from edge_infer.classifier import Classifier
from edge_infer.errors import EdgeInferError
from edge_infer.faces.crops import crop_face
from edge_infer.faces.decoding import OUTPUTS, STRIDE
from edge_infer.faces.detector import MAX_FACES, FaceDetector
from edge_infer.model_file.metadata import FaceCrop, InputSpec, parse_metadata
from edge_infer.pictures.loading import load_input, load_rgb
from tests.conftest import drawn
from tests.fuzz.models import make_model
from tests.fuzz.mutations import mutate
from tests.support.hostile_pictures import encoded
from tests.support.profiles import INKS, PROPHOTO, cmyk_profile, gamma, rgb_profile
from tests.support.tiny_model import METADATA

SPEC = InputSpec(32, 32)
# Of any type and none of them likely, as JSON.
VALUES = [
    *("null", "true", "0", "-1", "1e308", '""', '"x"', "[]", "{}", "[[]]", "[1]", '{"height": 5}', '"NaN"'),
    *(str(2**70), '["a", "a"]'),
]
MAX_PIXELS = 4_000_000  # what a mutated header claims below that is decoded


@dataclass(frozen=True, slots=True)
class Target:
    """Something to fuzz.

    Attributes:
        make: Random generator -> the case's bytes.
        run: Bytes -> `answered`; raises a typed error, or AssertionError for a wrong answer.
    """

    make: Callable[[np.random.Generator], bytes]
    run: Callable[[bytes], str]

    def outcome(self, data: bytes) -> str:
        """Run a case; return `answered` or the name of its typed error."""
        try:
            return self.run(data)
        except EdgeInferError as error:
            name, message = type(error).__name__, str(error)
        assert "\n" not in message, f"more than one line: {message!r}"
        return name


@cache
def picture_seeds() -> list[bytes]:
    """Small pictures of every format, pixel format and kind of file."""
    small = drawn((90, 120, 30), (40, 28))
    exif = Image.Exif()
    exif[0x0112] = 6
    grey_16 = Image.fromarray(np.arange(0, 65536, 64, dtype=np.uint16).reshape(32, 32))
    frames = {"save_all": True, "append_images": [drawn((200, 10, 10), (40, 28))]}
    files = [encoded(small, name, exif=exif) for name in ("JPEG", "PNG", "WEBP", "AVIF", "TIFF")]
    files += [encoded(small, name) for name in ("BMP", "GIF", "PPM")]
    files += [encoded(small.convert(mode), "PNG") for mode in ("1", "L", "LA", "P", "RGBA")]
    files += [encoded(small.convert(mode), "TIFF") for mode in ("1", "L", "P", "RGBA", "CMYK")]
    files += [encoded(small, "TIFF", compression=name) for name in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg")]
    files += [encoded(small, name, **frames) for name in ("GIF", "WEBP", "PNG", "TIFF", "MPO", "AVIF")]
    files += [encoded(grey_16, name) for name in ("PNG", "TIFF", "PPM")]
    files += [encoded(small.convert("CMYK"), "JPEG"), encoded(small, "JPEG", progressive=True)]
    files += [encoded(small.convert("P"), "PNG", transparency=1), encoded(small.convert("1"), "PPM")]
    files += [encoded(small, name, icc_profile=rgb_profile(PROPHOTO, gamma(1.8))) for name in ("JPEG", "PNG", "TIFF")]
    files += [encoded(small.convert("CMYK"), "TIFF", icc_profile=cmyk_profile(dict.fromkeys(INKS, (50.0, 9.0, 9.0))))]
    files += [encoded(grey_16, "PNG", transparency=640), encoded(grey_16, "TIFF", tiffinfo={262: 0})]
    return [*files, encoded(small, "PNG", icc_profile=b"damaged"), encoded(small, "WEBP", lossless=True)]


def make_picture(rng: np.random.Generator) -> bytes:
    """Damage one of the seeds."""
    seeds = picture_seeds()
    return mutate(seeds[rng.integers(len(seeds))], seeds, rng)


def run_picture(data: bytes) -> str:
    """Load a picture twice and by both ways of reading."""
    image_rgb = load_input(data, SPEC, max_pixels=MAX_PIXELS)
    assert image_rgb.shape == (32, 32, 3), image_rgb.shape
    assert image_rgb.dtype == np.uint8, image_rgb.dtype
    assert np.array_equal(image_rgb, load_input(io.BytesIO(data), SPEC, max_pixels=MAX_PIXELS)), "two answers"
    whole = load_rgb(data, needed_side=64, max_pixels=MAX_PIXELS)
    assert whole.mode == "RGB", whole.mode
    return "answered"


def run_model(data: bytes) -> str:
    """Load a model file and answer three pictures with it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(data)
        classifier = Classifier(path, threads=1)
    for prediction in classifier.classify_many([np.full((9, 9, 3), i * 100, np.uint8) for i in range(3)]):
        scores = [score.score for score in prediction.scores]
        assert {score.label for score in prediction.scores} == set(classifier.labels), "labels"
        assert abs(sum(scores) - 1) < 1e-2, scores
        assert scores == sorted(scores, reverse=True), scores
    return "answered"


@cache
def _detector() -> FaceDetector:
    return FaceDetector(threads=1)


def make_metadata(rng: np.random.Generator) -> bytes:
    """Damage a model's self-description, as text or field by field."""
    seeds = [METADATA.to_json().encode(), _detector().metadata.to_json().encode()]
    chosen = seeds[rng.integers(2)]
    if rng.integers(2):
        return mutate(chosen, seeds, rng)
    record = json.loads(chosen)
    for _ in range(rng.integers(1, 4)):
        place = record["input"] if rng.integers(3) == 0 and isinstance(record.get("input"), dict) else record
        key = list(place)[rng.integers(len(place))] if place and rng.integers(8) else "unknown"
        if rng.integers(5):
            place[key] = json.loads(VALUES[rng.integers(len(VALUES))])
        else:
            place.pop(key, None)
    return json.dumps(record).encode()


def run_metadata(data: bytes) -> str:
    """Parse a self-description; what is accepted must say the same when it is written."""
    metadata = parse_metadata(data.decode("utf-8", "replace"))
    assert parse_metadata(metadata.to_json()) == metadata
    return "answered"


def make_maps(rng: np.random.Generator) -> bytes:
    """Seed a generator for the face network's answers: the maps depend on the sizes that it is asked for."""
    return rng.bytes(8)


def run_faces(data: bytes) -> str:
    """Find and cut out faces with a network that answers anything that is finite."""
    rng = np.random.default_rng(int.from_bytes(data, "little"))
    magnitude = float(rng.choice([1.0, 10.0, 100.0, 1e10, 3e38]))
    many = float(rng.choice([0.01, 0.3, 1.0]))

    class Network:
        def run(self, names: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
            (batch,) = inputs.values()
            count, height, width = batch.shape[0], batch.shape[1] // STRIDE, batch.shape[2] // STRIDE
            maps = {
                name: (rng.uniform(-1, 1, (count, channels, height, width)) * magnitude).astype(np.float32)
                for name, channels in OUTPUTS.items()
            }
            maps["heatmap"] = (rng.uniform(0, 1, maps["heatmap"].shape) ** (1 / many)).astype(np.float32)
            return [maps[name] for name in names]

    width, height = (int(side) for side in rng.choice([1, 2, 33, 64, 200], 2))
    image = Image.new("RGB", (width, height))
    detector = _detector()
    detector._session = Network()
    faces = detector.detect_in(image)
    assert len(faces) <= MAX_FACES, len(faces)
    areas = [face.width * face.height for face in faces]
    assert areas == sorted(areas, reverse=True), areas
    for face in faces:
        left, top, right, bottom = face.box
        assert 0 <= left < right <= width, face
        assert 0 <= top < bottom <= height, face
        assert 0 <= face.score <= 1, face
        assert np.isfinite(face.landmarks).all(), face
    for face in faces[:3]:
        for rule in (FaceCrop(-0.15, upright=True), FaceCrop(4.0, upright=False)):
            cut = crop_face(image, face, InputSpec(32, 32, face=rule))
            assert cut.shape == (32, 32, 3), cut.shape
    return "answered"


TARGETS = {
    "pictures": Target(make_picture, run_picture),
    "models": Target(make_model, run_model),
    "metadata": Target(make_metadata, run_metadata),
    "faces": Target(make_maps, run_faces),
}


KERAS = "keras"


def target_of(name: str) -> Target:
    """Return a target of a name; only who asks for Keras files loads Keras, before memory is limited."""
    if name != KERAS:
        return TARGETS[name]
    from tests.fuzz import keras_files

    keras_files.seeds()
    return Target(keras_files.make, keras_files.run)
