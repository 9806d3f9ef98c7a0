import json
import shutil
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from PIL import Image

from benchmarks.harness.pictures import spread
from benchmarks.pages.tables.other_cpus import other_cpus_table
from benchmarks.processors import other_cpus
from benchmarks.processors.emulators import CPUS, UNGUARDED, EmulatedCpu, make_prefix, run_python, what_is_missing
from benchmarks.processors.other_cpus import answer_difference, golden_difference, processors_for
from tests.support.tiny_model import write_tiny_model

HASWELL, CORTEX = (next(cpu for cpu in CPUS if name in cpu.name) for name in ("Haswell", "A72"))


def test_pictures_are_taken_evenly_from_the_whole_folder():
    assert spread(list("abcdefghij"), 4) == ["a", "c", "f", "h"]
    assert spread(["a", "b"], 4) == ["a", "b"]


def test_the_golden_difference_is_read_from_both_verdicts():
    assert golden_difference("m.onnx: ok (4 golden answers, largest difference 0.0012)\n") == 0.0012
    refused = "m.onnx: failed: its answers differ by up to 0.157 from those it carries (allowed: 0.01): …"
    assert golden_difference(refused) == 0.157
    with pytest.raises(click.ClickException, match="loads; carries no golden answers"):
        golden_difference("m.onnx: ok (loads; carries no golden answers)")


def test_answers_are_compared_by_label_whatever_their_order():
    native = [{"a": 0.75, "b": 0.25}, {"b": 0.625, "a": 0.375}]
    assert answer_difference(native, native) == {"same_top1": 2, "largest_difference": 0.0}
    emulated = [{"b": 0.125, "a": 0.875}, {"a": 0.5625, "b": 0.4375}]
    assert answer_difference(native, emulated) == {"same_top1": 1, "largest_difference": 0.19}


def test_only_the_unguarded_processor_claims_vnni():
    assert [cpu.name for cpu in (*CPUS, UNGUARDED) if "vnni" in cpu.cpuinfo()] == [UNGUARDED.name]
    assert UNGUARDED.qemu_cpu == HASWELL.qemu_cpu


def test_only_weights_of_8_bits_are_tried_without_their_guard():
    assert processors_for(8) == (*CPUS, UNGUARDED)
    assert processors_for(7) == processors_for(None) == CPUS


def test_each_model_is_tried_on_the_processors_its_weights_ask_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    tried: list[tuple[str, str]] = []

    def run_on(
        model: Path, pictures: list[str], scratch: Path, cpu: EmulatedCpu | None = None, prefix: Path | None = None
    ) -> tuple[dict[str, object], list[dict[str, float]]]:
        tried.append((model.stem, "here" if cpu is None else cpu.name))
        return {"golden_difference": 0.0, "golden_ok": True, "seconds": 1.0}, [{"a": 0.75, "b": 0.25}]

    monkeypatch.setattr(other_cpus, "run_on", run_on)
    monkeypatch.setattr(other_cpus, "qemu_version", lambda program: "7.2")
    monkeypatch.setattr(other_cpus, "what_is_missing", lambda cpu, root: None if cpu.machine == "x86_64" else "no Arm")
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "photos/a.png")
    for bits in (7, 8):
        write_tiny_model(tmp_path / f"bits{bits}.onnx", precision="int8", weight_bits=bits)
    models = [word for bits in (7, 8) for word in ("--model", f"{tmp_path}/bits{bits}.onnx", f"{tmp_path}/photos")]
    done = CliRunner().invoke(other_cpus.main, [*models, "--json", str(tmp_path / "out.json")])
    assert done.exit_code == 0, done.output
    assert "Left out: no Arm" in done.output
    x86 = ["here", *(cpu.name for cpu in CPUS if cpu.machine == "x86_64")]
    assert tried == [*(("bits7", name) for name in x86), *(("bits8", name) for name in [*x86, UNGUARDED.name])]
    found = json.loads((tmp_path / "out.json").read_text())["models"]
    assert {name: (record["weight_bits"], len(record["cpus"])) for name, record in found.items()} == {
        "bits7": (7, 3),
        "bits8": (8, 4),
    }


def test_what_is_missing_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert what_is_missing(CORTEX, None).startswith("qemu-aarch64 is not installed")
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    assert what_is_missing(HASWELL, None) is None
    assert "--aarch64-root FOLDER uses it" in what_is_missing(CORTEX, None)
    assert "holds no usr/bin/python3" in what_is_missing(CORTEX, tmp_path)
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert what_is_missing(HASWELL, None) == "x86_64 programs are only emulated on x86_64"


def test_a_foreign_prefix_links_to_the_foreign_libraries(tmp_path: Path):
    (tmp_path / "root/usr/bin").mkdir(parents=True)
    (tmp_path / "root/usr/bin/python3").touch()
    make_prefix(CORTEX, tmp_path / "prefix", tmp_path / "root")
    assert (tmp_path / "prefix/usr/bin/python3").exists()
    assert "CPU part\t: 0xd08\n" in (tmp_path / "prefix/proc/cpuinfo").read_text()


@pytest.mark.skipif(what_is_missing(HASWELL, None) is not None, reason="QEMU cannot emulate it here")
def test_an_emulated_program_sees_the_emulated_cpuinfo(tmp_path: Path):
    assert shutil.which(HASWELL.qemu)
    make_prefix(HASWELL, tmp_path / "prefix", None)
    code = "from edge_infer.runtime.session import _multiplies_int8_exactly as exact; print(exact())"
    done = run_python(["-c", code], HASWELL, tmp_path / "prefix")
    assert done.stdout == "False\n", done.stderr


def test_the_table_says_which_golden_answers_were_refused():
    record = {"golden_difference": 0.0, "golden_ok": True, "same_top1": 43, "largest_difference": 2.4e-07}
    wrong = {"golden_difference": 0.157, "golden_ok": False, "same_top1": 40, "largest_difference": 0.36}
    gems = {"weight_bits": 8, "pictures": 43, "cpus": {"old": record, "unguarded": wrong}}
    text = other_cpus_table({"models": {"gems": gems, "new": gems | {"weight_bits": 7, "cpus": {"old": record}}}})
    assert "| old | gems | 8 bits | 0.000 | 43/43 | 2.4e-07 |\n" in text
    assert "| unguarded | gems | 8 bits | 0.157, refused | 40/43 | 0.36 |\n" in text
    assert "| old | new | 7 bits | 0.000 | 43/43 | 2.4e-07 |\n" in text
