"""`edge-infer models`."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.edge_infer.cli.conftest import Run
from tests.support.tiny_model import COLOURS, METADATA, tiny_model, write_tiny_model

pytestmark = pytest.mark.usefixtures("folder")


def test_models_show(run: Run, tiny_model_path: Path) -> None:
    size = f"{tiny_model_path.stat().st_size / 1e6:.2f}"
    assert run("models", "show", str(tiny_model_path)) == (
        0,
        "name:         colours 1.0.0 (task colours)\n"
        f"file:         {tiny_model_path}, {size} MB, fp32\n"
        f"labels:       {', '.join(COLOURS)}\n"
        "input:        uint8 [N, 32, 32, 3] RGB, stretch with bilinear filter\n"
        f"certain from: score {METADATA.min_score:.3f} (temperature 1.000)\n"
        "recipe:       drawn by tests/support/tiny_model.py\n"
        f"architecture: {METADATA.architecture}\n"
        "ONNX:         opset 17, IR version 8\n"
        "licence:      MIT\n",
        "",
    )


def test_models_show_says_what_is_certain_and_what_is_none_of_the_classes(run: Run, folder: Path) -> None:
    write_tiny_model(folder / "knowing.onnx", min_known=0.51)
    out = run("models", "show", "knowing.onnx").out
    assert "\ncertain from: score 0.500, known 0.510 (temperature 1.000)\n" in out
    assert json.loads(run("models", "show", "knowing.onnx", "--json").out)["min_known"] == 0.51


def test_what_a_file_says_of_itself_does_not_steer_the_terminal(run: Run, folder: Path) -> None:
    write_tiny_model(folder / "sly.onnx", card={"limits": "none\x1b]0;mine\x07\nlicence: free"})
    assert "\nlimits:       none\\x1b]0;mine\\x07\\nlicence: free\n" in run("models", "show", "sly.onnx").out


def test_models_show_says_where_a_model_looks_again(run: Run, folder: Path) -> None:
    write_tiny_model(folder / "asking.onnx", second_look=0.6)
    assert (
        "\nsecond look:  below score 0.500, at the middle 60% of each side\n"
        in run("models", "show", "asking.onnx").out
    )
    write_tiny_model(folder / "once.onnx")
    assert "second look" not in run("models", "show", "once.onnx").out


def test_models_show_says_how_many_bits_int8_weights_have(run: Run, folder: Path) -> None:
    write_tiny_model(folder / "small.onnx", precision="int8", weight_bits=7)
    size = f"{(folder / 'small.onnx').stat().st_size / 1e6:.2f}"
    assert (
        f"\nfile:         small.onnx, {size} MB, int8, weights of 7 bits\n" in run("models", "show", "small.onnx").out
    )


def test_models_verify_refuses_outputs_that_disagree_with_the_metadata(run: Run, folder: Path) -> None:
    model = tiny_model(replace(METADATA, min_known=0.51))
    model.graph.output.pop()
    (folder / "broken.onnx").write_bytes(model.SerializeToString())
    code, out, err = run("models", "verify", "broken.onnx")
    assert (code, err) == (3, "")
    assert out == (
        "broken.onnx: failed: broken.onnx: the metadata has a min_known, but the graph no output 'known': "
        "export it again\n"
    )


def test_models_show_json_is_the_metadata(run: Run, tiny_model_path: Path) -> None:
    assert run("models", "show", "--json", str(tiny_model_path)) == (0, METADATA.to_json() + "\n", "")


def test_models_show_of_nothing_is_exit_code_3(run: Run) -> None:
    assert run("models", "show", "gone.onnx") == (3, "", "Error: model file gone.onnx does not exist\n")


def test_models_list_puts_only_models_on_stdout(run: Run) -> None:
    from edge_infer.model_file.registry import bundled_models

    answer = run("models", "list")
    assert answer.code == 0
    assert [line.split()[0] for line in answer.out.splitlines()] == list(bundled_models())
    stones = "Amethyst, Bloodstone, Diamond, Emerald, Labradorite, Larimar, Malachite, Opal, Quartz Rose or Sunstone"
    tells = {"faces": "where faces are, for models of faces", "gems": stones, "gender": "man or woman, of each face"}
    assert {line.split()[0]: line.split("  ")[-1] for line in answer.out.splitlines()} == tells
    assert bool(answer.err) is not bool(bundled_models())


def test_a_bundled_detector_can_be_shown(run: Run) -> None:
    answer = run("models", "show", "faces")
    assert answer.code == 0
    assert "longer side 448" in answer.out
    assert "not for:" in answer.out
    assert json.loads(run("models", "show", "faces", "--json").out)["kind"] == "face_detector"
