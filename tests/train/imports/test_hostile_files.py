"""Files made to hurt, and files that are cut short: one line each, nothing run, nothing outside opened."""

import io
import json
import os
import warnings
import zipfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import keras
import numpy as np
import pytest
import tf_keras

from tests.fuzz import keras_files
from train.errors import KerasFileError
from train.imports.imported import import_model
from train.imports.reading.apart import ROOT, read_apart

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def hdf5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("seed") / "model.h5"
    path.write_bytes(keras_files.seeds()[0])
    return path


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("seed") / "model.keras"
    path.write_bytes(keras_files.seeds()[1])
    return path


def test_the_reading_process_starts_where_the_package_lies() -> None:
    # Installed with -e it finds the package from anywhere, otherwise only from here.
    assert (ROOT / "train" / "imports" / "reading" / "apart.py").is_file()


def refusal(path: Path, **options: object) -> str:
    with pytest.raises(KerasFileError) as refused:
        import_model(path, **options)
    message = str(refused.value)
    assert "\n" not in message
    return message


def rewritten(archive: Path, path: Path, **members: bytes) -> Path:
    """Copy an archive with some members replaced or added, double underscores for dots."""
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(path, "w") as made:
        for name in source.namelist():
            made.writestr(name, members.pop(name.replace(".", "__"), source.read(name)))
        for name, content in members.items():
            made.writestr(name.replace("__", "."), content)
    return path


def dense_kernel(opened: h5py.File) -> h5py.Dataset:
    found: list[h5py.Dataset] = []
    opened.visititems(lambda _, item: found.append(item) if getattr(item, "ndim", 0) == 2 else None)
    return found[0]


def config_of(archive: Path) -> dict:
    with zipfile.ZipFile(archive) as opened:
        return json.loads(opened.read("config.json"))


@pytest.mark.parametrize("k", [tf_keras, keras], ids=["Keras 2", "Keras 3"])
def test_a_lambda_is_named_and_never_run(k, tmp_path: Path) -> None:
    mark, path = str(tmp_path / "ran"), tmp_path / ("model.h5" if k is tf_keras else "model.keras")
    image = k.Input((8, 8, 3))
    payload = k.layers.Lambda(lambda x, mark=mark: (open(mark, "w").close(), x)[1], name="payload")  # noqa: PTH123
    answer = k.layers.Dense(2, activation="softmax")(k.layers.Flatten()(payload(image)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        k.Model(image, answer).save(path)
    Path(mark).unlink()  # building the model here did run it

    message = refusal(path)
    assert "layer 'payload' is a Lambda, Python code that is not run" in message
    assert "--leave-out payload" in message
    assert import_model(path, leave_out=["payload"]).classes == 2
    assert not Path(mark).exists()


def test_a_class_of_somebodys_own_is_named(archive: Path, tmp_path: Path) -> None:
    config = config_of(archive)
    config["config"]["layers"][2] |= {"class_name": "Popen", "module": "subprocess", "registered_name": "os>system"}
    path = rewritten(archive, tmp_path / "a.keras", config__json=json.dumps(config).encode())
    name = config["config"]["layers"][2]["config"]["name"]
    assert f"layer {name!r} is a Popen, which is not rebuilt" in refusal(path)


def test_an_activation_of_somebodys_own_is_named(archive: Path, tmp_path: Path) -> None:
    config = config_of(archive)
    own = {"class_name": "function", "config": "system", "module": "os", "registered_name": "system"}
    config["config"]["layers"][1]["config"]["activation"] = own
    path = rewritten(archive, tmp_path / "a.keras", config__json=json.dumps(config).encode())
    assert "has an activation that is not Keras' own, 'system'" in refusal(path)


@pytest.mark.parametrize(
    ("link", "why"),
    [
        (h5py.ExternalLink("/etc/hostname", "/"), "is a link to another file"),
        (h5py.SoftLink("/model_weights"), "is a soft link"),
    ],
)
def test_links_are_not_followed(link: object, why: str, hdf5: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(hdf5.read_bytes())
    with h5py.File(path, "a") as file:
        file["model_weights/elsewhere"] = link
    assert refusal(path) == f"{path} is refused: 'model_weights/elsewhere' in it {why}"


def test_a_group_that_holds_itself_is_refused(hdf5: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(hdf5.read_bytes())
    with h5py.File(path, "a") as file:
        file["model_weights/again"] = file["model_weights"]
    assert "is there under two names" in refusal(path)


def test_arrays_that_lie_elsewhere_are_refused(hdf5: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(np.ones(8, np.float32).tobytes())
    outside, virtual = tmp_path / "outside.h5", tmp_path / "virtual.h5"
    for path in (outside, virtual):
        path.write_bytes(hdf5.read_bytes())
    with h5py.File(outside, "a") as file:
        file.create_dataset("far", (8,), "f4", external=[(str(secret), 0, 32)])
    with h5py.File(virtual, "a") as file:
        layout = h5py.VirtualLayout((4,), "f4")
        layout[:] = h5py.VirtualSource(str(hdf5), "model_weights", (4,))
        file.create_virtual_dataset("made", layout)
    assert refusal(outside).endswith("'far' in it keeps its numbers in another file")
    assert refusal(virtual).endswith("'made' in it is put together from other arrays")


def test_shapes_without_numbers_are_refused(hdf5: Path, tmp_path: Path) -> None:
    empty, huge = tmp_path / "empty.h5", tmp_path / "huge.h5"
    for path in (empty, huge):
        path.write_bytes(hdf5.read_bytes())
    with h5py.File(empty, "a") as file:
        file.create_dataset("empty", (1000, 1000), "f4")
    with h5py.File(huge, "a") as file:
        file.create_dataset("huge", (10**6, 10**6), "f4", chunks=(1, 1000), compression="gzip")
    assert refusal(empty).endswith("'empty' in it has no numbers behind its shape")
    assert refusal(huge) == f"{huge} asks for more than 2 GiB of weights: it is refused"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(value: float, hdf5: Path, archive: Path, tmp_path: Path) -> None:
    whole, weights = tmp_path / "whole.h5", io.BytesIO()
    whole.write_bytes(hdf5.read_bytes())
    with zipfile.ZipFile(archive) as opened:
        weights.write(opened.read("model.weights.h5"))
    for file in (whole, weights):
        with h5py.File(file, "r+") as opened:
            dense_kernel(opened)[0, 0] = value
    for path in (whole, rewritten(archive, tmp_path / "m.keras", model__weights__h5=weights.getvalue())):
        assert "kernel of layer" in refusal(path)
        assert refusal(path).endswith("is not finite")


def test_a_layer_larger_than_the_file_is_refused_before_it_is_made(archive: Path, tmp_path: Path) -> None:
    config = config_of(archive)
    config["config"]["layers"][-1]["config"]["units"] = 2**40
    path = rewritten(archive, tmp_path / "a.keras", config__json=json.dumps(config).encode())
    assert "asks for more numbers than the file holds" in refusal(path)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "C:evil", "a\\b"])
def test_members_that_leave_the_archive_are_refused(name: str, archive: Path, tmp_path: Path) -> None:
    path = rewritten(archive, tmp_path / "a.keras", **{name.replace(".", "__"): b"evil"})
    assert refusal(path) == f"{path} is refused: {name!r} in it would lie outside it"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_that_comes_twice_is_refused(archive: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.keras"
    path.write_bytes(archive.read_bytes())
    with zipfile.ZipFile(path, "a") as opened:
        opened.writestr("config.json", "{}")
    assert refusal(path) == f"{path} is refused: 'config.json' is in it twice"


def test_a_zip_bomb_is_not_unpacked(archive: Path, tmp_path: Path) -> None:
    path, bomb = tmp_path / "a.keras", io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("config.json", b"{" * (70 * 2**20))
        made.writestr("metadata.json", b"{}")
        made.writestr("model.weights.h5", b"")
    path.write_bytes(bomb.getvalue())
    assert path.stat().st_size < 200_000
    assert refusal(path) == f"{path} is refused: config.json in it has more than 64 MiB"


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_file_cut_short_is_damaged(share: float, hdf5: Path, archive: Path, tmp_path: Path) -> None:
    for source in (hdf5, archive):
        path = tmp_path / source.name
        path.write_bytes(source.read_bytes()[: int(share * source.stat().st_size)])
        message = refusal(path)
        assert message.startswith((f"{path} is damaged: ", f"{path} is not a Keras model: ", f"{path} is refused: "))


def test_a_hanging_library_is_given_up(hdf5: Path, monkeypatch) -> None:
    monkeypatch.setattr("train.imports.reading.apart.WAIT_S", 0.001)
    with pytest.raises(KerasFileError, match="the HDF5 library cannot read it"):
        read_apart(hdf5, "model.h5")


def test_folders_texts_and_nothing_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "saved_model.pb").write_bytes(b"")
    (tmp_path / "text.h5").write_text("hello")
    assert refusal(tmp_path / "saved").endswith(
        'is a SavedModel folder, which holds code: load it where it was made and save it again: model.save("model.h5")'
    )
    assert refusal(tmp_path / "text.h5") == f"{tmp_path / 'text.h5'} is not a Keras model: give a .keras or .h5 file"
    assert refusal(tmp_path / "none.h5") == f"{tmp_path / 'none.h5'} does not exist: give a .keras or .h5 file"


def test_weights_alone_ask_for_their_architecture(archive: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.weights.h5"
    with zipfile.ZipFile(archive) as opened:
        path.write_bytes(opened.read("model.weights.h5"))
    assert "give what model.to_json() writes with --architecture FILE" in refusal(path)


def test_damaged_files_are_answered_or_refused() -> None:
    outcomes = []
    for number in range(200):
        try:
            outcomes.append(keras_files.run(keras_files.make(np.random.default_rng([7, number]))))
        except KerasFileError as error:
            outcomes.append(str(error))
    assert not [outcome for outcome in outcomes if "\n" in outcome]
    assert 5 < outcomes.count("answered") < 150  # neither everything is let through nor nothing
