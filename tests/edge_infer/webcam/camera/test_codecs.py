"""Codecs that OpenCV lacks are named, in files that it opens, and in files that it does not."""

from pathlib import Path

import pytest
from PIL import Image

from edge_infer.errors import CameraUnavailableError
from edge_infer.webcam.camera.codecs import codec_trouble, find_fourcc, fourcc_text
from edge_infer.webcam.camera.videos import open_video
from tests.edge_infer.webcam.conftest import write_clip
from tests.support.matroska import write_matroska


@pytest.mark.parametrize(
    ("codec", "said"),
    [
        ("V_AV1", "is coded as AV1 (av01), which this OpenCV cannot decode; re-encode it: "),
        (
            "V_MPEGH/ISO/HEVC",
            "gives no frame: this OpenCV cannot decode its codec, HEVC (hevc), or it is damaged or cut off; ",
        ),
        (
            "V_NEW/2030",
            "gives no frame: this OpenCV cannot decode its codec, 'V_NEW/2030', or it is damaged or cut off; ",
        ),
    ],
)
def test_a_matroska_file_of_another_codec(tmp_path: Path, codec: str, said: str) -> None:
    path = write_matroska(
        tmp_path / "my clip.mkv", [(Image.new("RGB", (64, 48)), 0.1 * i) for i in range(5)], codec=codec
    )
    with pytest.raises(CameraUnavailableError) as raised:
        open_video(str(path), "my clip.mkv", fps=None, loop=False)
    assert str(raised.value).startswith(f"my clip.mkv {said}")
    assert str(raised.value).endswith(
        "re-encode it: ffmpeg -i 'my clip.mkv' -c:v libx264 -pix_fmt yuv420p 'my clip-h264.mp4'"
    )


@pytest.mark.parametrize(("fourcc", "said"), [("av01", "coded as AV1 (AV01)"), ("xevd", "its codec, 'xevd'")])
def test_an_mp4_file_of_another_codec(tmp_path: Path, fourcc: str, said: str) -> None:
    path = write_clip(tmp_path / "clip.mp4", [(200, 40, 20)] * 5)
    path.write_bytes(path.read_bytes().replace(b"mp4v", fourcc.encode()).replace(b"esds", b"free"))
    assert find_fourcc(str(path)) == fourcc
    with pytest.raises(CameraUnavailableError, match="re-encode it: ffmpeg -i ") as raised:
        open_video(str(path), "clip.mp4", fps=None, loop=False)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    "data", [b"", b"no video", b"\0\0\0\x18ftypmp42", b"\x1aE\xdf\xa3", b"\0\0\0\x18ftypmp42hdlr\0stsd"]
)
def test_other_files_name_no_codec(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    assert find_fourcc(str(tmp_path / "x")) == ""
    assert find_fourcc(str(tmp_path / "gone")) == ""


@pytest.mark.parametrize(
    ("number", "text"), [(0x31305641, "AV01"), (-1, ""), (0, ""), (0x00000031, "1"), (828601953.0, "avc1")]
)
def test_four_letters(number: float, text: str) -> None:
    assert fourcc_text(number) == text


@pytest.mark.parametrize(
    ("fourcc", "called"),
    [("AV01", "AV1 (AV01)"), ("hvc1", "HEVC (hvc1)"), ("apch", "ProRes (apch)"), ("x\x1b", "'x\\x1b'")],
)
def test_codecs_are_called_by_their_names(fourcc: str, called: str) -> None:
    assert called in codec_trouble("a.mov", fourcc)
