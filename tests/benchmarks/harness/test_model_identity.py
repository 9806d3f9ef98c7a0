from benchmarks.harness.model_identity import named


def test_models_are_called_by_their_stem_or_by_their_path_where_two_share_one() -> None:
    assert named(["a/gems.onnx", "b/gems.onnx", "gender", "c/mine.onnx", "gender"]) == {
        "a/gems.onnx": "a/gems.onnx",
        "b/gems.onnx": "b/gems.onnx",
        "gender": "gender",
        "mine": "c/mine.onnx",
    }
