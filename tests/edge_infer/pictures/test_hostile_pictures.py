"""Pictures that attack: each ends as a typed error within a second and 20 MB, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edge_infer.errors import ImageDecodeError
from edge_infer.pictures.containers.jpeg import MAX_SCANS
from edge_infer.pictures.loading import load_rgb
from tests.conftest import drawn
from tests.support.hostile_pictures import bombs, encoded, excesses, png, png_chunk, with_scans

MAX_TIME_S = 1.0  # of CPU: a busy machine may stop a process for longer
MAX_EXTRA_MB = 20.0
MAX_ADDRESS_SPACE = 2_000_000_000

# Loads every named file and prints what became of it, at which cost. One process for all of
# them: what the first picture of a kind needs once (plugins, tables) is loaded before.
LOADER = """
import json, resource, sys, time
from edge_infer.pictures.loading import load_input
from edge_infer.model_file.metadata import InputSpec
from PIL import Image

def peak_mb():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024

resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
Image.init()
load_input(sys.argv[2], InputSpec(224, 224))
for path in sys.argv[3:]:
    open("/proc/self/clear_refs", "w").write("5")  # forgets the peak
    before, started = peak_mb(), time.process_time()
    try:
        load_input(path, InputSpec(224, 224))
        outcome = "answered"
    except Exception as error:
        outcome = f"{type(error).__name__}: {error}"
    print(json.dumps([outcome.replace(path, "FILE"), time.process_time() - started, peak_mb() - before]), flush=True)
"""

TOO_LARGE = "ImageTooLargeError: FILE"
REFUSED = "ImageDecodeError: FILE is refused: "
UNREAD = "ImageDecodeError: FILE is not a picture this tool reads"
EXPECTED = {
    **dict.fromkeys(bombs(), TOO_LARGE),
    "empty": "ImageDecodeError: FILE is empty",
    "text": UNREAD,
    "5 MB of text": UNREAD,
    "comments that end in no SVG": UNREAD,
    "JPEG of 1,000 scans": REFUSED + "it has more than 64 scans",
    "JPEG of 100,000 comments": REFUSED + "it has more than 65536 segments",
    "JPEG of 200,000 tables": REFUSED + "it has more than 1000000 bytes of tables",
    # What the decoder is never given costs nothing.
    "JPEG of 50,000 comments": "answered",
    "JPEG of 200 EXIF segments": "answered",
    "JPEG with 5 MB of padding": "answered",
    "JPEG with a profile of a chain": "answered",
    "JPEG with a profile of tags that overlap": "answered",
    "PNG with 60 MB of text": "answered",
    "PNG with 60 MB of text at its end": "answered",
    "PNG with 60 MB of XMP": "answered",
    "PNG with 60 MB of profile": "answered",
    "GIF of 100,000 comments": "answered",
    "PNG of a million chunks": REFUSED + "it has more than 65536 chunks",
    "GIF of a million comments": REFUSED + "it has more than 262144 blocks",
    "GIF of 5 MB of nothing": REFUSED + "it has more than 262144 blocks",
    "TIFF with a tile of a gigabyte": REFUSED + "it has more than 4194304 pixels in a tile",
    "TIFF of 200,000 strips": REFUSED + "it has more than 65536 strips",
    "TIFF of 200,000 tags": REFUSED + "it has more than 1000 tags",
    "TIFF with a tile size in words": REFUSED + "its tile size is not a number",
    "PPM of text": UNREAD,
    "PPM of an odd maximum": "UnsupportedImageError: FILE stores its pixels in a rare form of PPM",
    "PPM with a long comment": REFUSED + "its header is not whole within 1024 bytes",
    "BMP of runs": "UnsupportedImageError: FILE stores its pixels in a rare form of BMP",
}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="measures memory by /proc")
def test_every_hostile_picture_is_refused_within_a_second_and_20_mb(tmp_path: Path) -> None:
    files = {"empty": b"", "text": b"no picture", "5 MB of text": b"words " * 900_000, **bombs(), **excesses()}
    assert files.keys() == EXPECTED.keys()
    for number, data in enumerate(files.values()):
        (tmp_path / f"{number}.jpg").write_bytes(data)
    drawn((9, 9, 9)).save(tmp_path / "good.jpg")
    paths = [str(tmp_path / f"{number}.jpg") for number in range(len(files))]
    command = [sys.executable, "-c", LOADER, str(MAX_ADDRESS_SPACE), str(tmp_path / "good.jpg"), *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    outcomes = dict(zip(files, map(json.loads, done.stdout.splitlines()), strict=True))
    assert {name: outcome[: len(EXPECTED[name])] for name, (outcome, _, _) in outcomes.items()} == EXPECTED
    assert {name: cost for name, (_, *cost) in outcomes.items() if cost[0] > MAX_TIME_S or cost[1] > MAX_EXTRA_MB} == {}


def test_a_limit_admits_what_reaches_it() -> None:
    progressive = encoded(drawn((200, 90, 40)), "JPEG", progressive=True)
    scans = progressive.count(b"\xff\xda")
    assert load_rgb(with_scans(progressive, MAX_SCANS - scans)).size == (64, 48)
    with pytest.raises(ImageDecodeError, match="more than 64 scans"):
        load_rgb(with_scans(progressive, MAX_SCANS - scans + 1))


def test_a_damaged_colour_profile_is_ignored() -> None:
    picture = png(1, 1, png_chunk(b"iCCP", b"name\0\0no zlib stream"))
    assert load_rgb(picture).getpixel((0, 0)) == (0, 0, 0)
