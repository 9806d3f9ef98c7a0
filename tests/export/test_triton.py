"""The model repository, read as Triton reads it, and the client against a server of its protocol."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from PIL import Image

import export.__main__ as command
from edge_infer import Classifier
from edge_infer.errors import MetadataError
from export.errors import ModelNameError, OutputExistsError
from export.triton import write_repository
from tests.support.tiny_model import COLOURS, METADATA, write_tiny_model

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "examples" / "triton_client.py"
pytest.importorskip("tritonclient.grpc", reason="tritonclient[grpc] is not installed")


def parsed(folder: Path) -> Any:
    """Return the configuration as the message that Triton reads."""
    from google.protobuf import text_format
    from tritonclient.grpc import model_config_pb2

    return text_format.Parse((folder / "config.pbtxt").read_text(encoding="utf-8"), model_config_pb2.ModelConfig())


def test_the_configuration_is_triton_s(tmp_path: Path) -> None:
    from tritonclient.grpc import model_config_pb2 as triton

    model = write_tiny_model(tmp_path / "m.onnx", min_known=0.6)
    folder, file = write_repository(model, tmp_path / "repository", instances=3)
    config = parsed(folder)

    assert (folder, file.path) == (tmp_path / "repository" / "colours", model)
    assert (config.name, config.backend, config.max_batch_size) == ("colours", "onnxruntime", 32)
    (image,) = config.input
    height, width = file.metadata.input.height, file.metadata.input.width
    assert (image.name, image.data_type, list(image.dims)) == ("image", triton.TYPE_UINT8, [height, width, 3])
    probabilities, known = config.output
    assert (probabilities.name, probabilities.data_type) == ("probabilities", triton.TYPE_FP32)
    assert (list(probabilities.dims), probabilities.label_filename) == ([len(Classifier(model).labels)], "labels.txt")
    assert (known.name, list(known.dims), known.HasField("reshape"), list(known.reshape.shape)) == (
        "known",
        [1],
        True,
        [],
    )
    assert list(config.dynamic_batching.preferred_batch_size) == [8]
    assert config.dynamic_batching.max_queue_delay_microseconds == 2000
    (group,) = config.instance_group
    assert (group.kind, group.count) == (triton.ModelInstanceGroup.KIND_CPU, 3)
    threads = {key: value.string_value for key, value in config.parameters.items()}
    assert threads == {"intra_op_thread_count": "1", "inter_op_thread_count": "1"}


def test_the_files_are_the_model_and_its_labels(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "m.onnx")
    folder, _ = write_repository(model, tmp_path / "repository", instances=1)

    files = sorted(
        path.relative_to(tmp_path / "repository").as_posix() for path in (tmp_path / "repository").rglob("*")
    )
    assert files == ["colours", "colours/1", "colours/1/model.onnx", "colours/config.pbtxt", "colours/labels.txt"]
    assert (folder / "1" / "model.onnx").read_bytes() == model.read_bytes()
    assert (folder / "labels.txt").read_text().splitlines() == list(Classifier(model).labels)
    assert [output.name for output in parsed(folder).output] == ["probabilities"]


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "m.onnx")
    write_repository(model, tmp_path, instances=1)
    with pytest.raises(OutputExistsError, match=r"colours exists: remove it, or give another repository"):
        write_repository(model, tmp_path, instances=2)
    assert parsed(tmp_path / "colours").instance_group[0].count == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": "../up"}, "'../up' cannot name a folder of the repository"),
        ({"name": 'a" b'}, "cannot name a folder"),
        ({"labels": ("red\nish", *list(COLOURS)[1:])}, r"label 'red\\nish' has several lines"),
    ],
)
def test_names_that_cannot_stand_there(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    model = write_tiny_model(tmp_path / "m.onnx", **changed)
    with pytest.raises(ModelNameError, match=message):
        write_repository(model, tmp_path / "repository", instances=1)
    assert not (tmp_path / "repository").exists()


def test_a_face_detector_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MetadataError, match="is a face detector, where a classifier is needed"):
        write_repository("faces", tmp_path, instances=1)


@contextmanager
def server(repository: Path) -> Iterator[str]:
    """Serve a repository by Triton's protocol: what its configuration promises, computed by onnxruntime."""
    import grpc
    from tritonclient.grpc import service_pb2, service_pb2_grpc

    class Servicer(service_pb2_grpc.GRPCInferenceServiceServicer):
        def ModelInfer(self, request: Any, context: Any) -> Any:  # noqa: N802  # the protocol's name
            config = parsed(repository / request.model_name)
            (promised,), (given,) = config.input, request.inputs
            assert (given.name, given.datatype, list(given.shape)[1:]) == (promised.name, "UINT8", list(promised.dims))
            image = np.frombuffer(request.raw_input_contents[0], np.uint8).reshape(list(given.shape))
            session = ort.InferenceSession((repository / request.model_name / "1" / "model.onnx").read_bytes())
            response = service_pb2.ModelInferResponse(model_name=request.model_name, model_version="1")
            names = [output.name for output in config.output]
            for output, values in zip(config.output, session.run(names, {given.name: image}), strict=True):
                shape = [len(image), *(output.reshape.shape if output.HasField("reshape") else output.dims)]
                assert list(values.shape) == shape
                response.outputs.add(name=output.name, datatype="FP32", shape=shape)
                response.raw_output_contents.append(values.tobytes())
            return response

    with ThreadPoolExecutor(1) as pool:
        listening = grpc.server(pool)
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(Servicer(), listening)
        port = listening.add_insecure_port("127.0.0.1:0")
        listening.start()
        yield f"127.0.0.1:{port}"
        listening.stop(None).wait()


def ask(address: str, model: str | Path, *photos: str | Path) -> str:
    arguments = [sys.executable, CLIENT, address, model, *photos]
    done = subprocess.run(list(map(str, arguments)), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_client_answers_as_classify_does(tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "m.onnx", min_known=0.6)
    write_repository(model, tmp_path / "repository", instances=1)
    write_repository("gender", tmp_path / "repository", instances=1)
    Image.new("RGB", (40, 30), COLOURS["red"]).save(tmp_path / "red.png")
    Image.new("RGB", (40, 30), COLOURS["grey"]).save(tmp_path / "grey.png")
    red, grey = (Classifier(model).classify(tmp_path / f"{name}.png") for name in ("red", "grey"))
    portrait = Classifier("gender").classify(ROOT / "examples" / "astronaut.jpg")
    assert (red.is_certain, grey.is_certain, portrait.is_certain) == (True, False, True)

    with server(tmp_path / "repository") as address:
        assert ask(address, model, tmp_path / "red.png", tmp_path / "grey.png") == (
            f"{tmp_path / 'red.png'}: red {red.score:.1%}\n"
            f"{tmp_path / 'grey.png'}: uncertain, best guess grey {grey.score:.1%}\n"
        )
        face = ask(address, "gender", ROOT / "examples" / "astronaut.jpg")
        assert face == f"{ROOT / 'examples' / 'astronaut.jpg'}: woman {portrait.score:.1%}\n"


@pytest.mark.parametrize("bits", [7, 8])
def test_the_command_names_what_it_wrote(
    bits: int, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_tiny_model(tmp_path / "m.onnx", precision="int8", weight_bits=bits)
    monkeypatch.setattr("sys.argv", ["export", "triton", str(model), str(tmp_path / "repository")])
    with pytest.raises(SystemExit) as stopped:
        command.main()
    assert stopped.value.code in (0, None)
    said = capsys.readouterr().err
    assert f"{tmp_path / 'repository' / METADATA.name} is written; next: tritonserver --model-repository" in said
    assert ("its int8 weights have 8 bits: run it on CPUs with VNNI only" in said) == (bits == 8)
