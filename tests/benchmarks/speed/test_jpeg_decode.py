from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.harness.pictures import draw_photos
from benchmarks.pages.tables.jpeg_decode import jpeg_decode_table
from benchmarks.speed.jpeg_decode import SIZE, main
from train.files import read_json


@pytest.mark.slow
def test_both_decodes_are_timed_and_give_the_same_answers(tiny_model_path: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    draw_photos(tmp_path / "photos", with_face=False, count=2)
    options = ["--model", str(tiny_model_path), "--rounds", "2", "--json", str(tmp_path / "out.json")]
    done = CliRunner().invoke(main, [str(tmp_path / "photos"), *options])
    assert done.exception is None
    found = read_json(tmp_path / "out.json")
    assert found["jpeg"]["size"] == list(SIZE)
    assert (found["photos"], found["same_top1"]) == (2, 2)
    assert found["full_ms"]["runs"] == found["reduced_ms"]["runs"] == 2
    assert 0 < found["ratio"] < 1
    assert found["largest_pixel_difference"] < 20
    assert found["largest_score_difference"] < 0.05
    assert f"{found['ratio']:.2f}" in jpeg_decode_table(found)


def test_a_folder_without_photos_is_refused(tiny_model_path: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [str(tmp_path), "--model", str(tiny_model_path)])
    assert (done.exit_code, f"{tmp_path} holds no photos" in done.output) == (2, True)
