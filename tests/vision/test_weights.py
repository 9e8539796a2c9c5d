"""Whatever is wrong with a weight file is said in one sentence that names the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from chromview.errors import UserError
from chromview.training.runs import save_weights
from chromview.vision.classifier import Classifier
from chromview.vision.models import CLASSIFIER_FILE, SEGMENTER_FILE, Models
from chromview.vision.networks import UNet
from chromview.vision.segmenter import Segmenter
from chromview.vision.weights import Device, choose_device, load_weights, read_metadata

CPU = Device(torch.device("cpu"), half=False)
WIDTHS = (4, 8)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Weights of a tiny network, as training writes them."""
    torch.manual_seed(0)
    path = tmp_path / "tiny.safetensors"
    save_weights(path, UNet(2, 4, WIDTHS), architecture="UNet", widths=list(WIDTHS), epoch=3)
    return path


def complaint(path: Path) -> str:
    """What is said when the file is loaded; it must name the file and advise something."""
    with pytest.raises(UserError) as caught:
        Segmenter(path, CPU)
    assert str(path) in str(caught.value)
    assert caught.value.advice
    return caught.value.what


def test_what_was_written_is_read(weights: Path) -> None:
    assert read_metadata(weights) == {"architecture": "UNet", "widths": [4, 8], "epoch": 3}
    torch.manual_seed(0)
    written, read = UNet(2, 4, WIDTHS), UNet(2, 4, WIDTHS)
    torch.nn.init.zeros_(read.head.weight)
    assert load_weights(weights, read)["epoch"] == 3
    for name, value in written.state_dict().items():
        assert read.state_dict()[name].dtype == value.dtype
        assert torch.allclose(read.state_dict()[name].float(), value.float(), atol=1e-3), name


def test_missing(tmp_path: Path) -> None:
    assert "missing" in complaint(tmp_path / "none.safetensors")
    assert "missing" in complaint(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
def test_cut_off(weights: Path, share: float) -> None:
    content = weights.read_bytes()
    weights.write_bytes(content[: int(share * len(content))])
    assert "damaged" in complaint(weights)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n" + bytes(500), b"hello", bytes(64), b"\xff" * 64])
def test_another_kind_of_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.safetensors"
    path.write_bytes(content)
    assert "damaged" in complaint(path)


def test_weights_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({"layer": torch.zeros(3)}, path)
    assert "not a weight file of chromview" in complaint(path)


@pytest.mark.parametrize("noted", ["{", "7", '"UNet"', "null"])
def test_a_description_that_cannot_be_read(tmp_path: Path, noted: str) -> None:
    path = tmp_path / "noted.safetensors"
    save_file({"layer": torch.zeros(3)}, path, metadata={"chromview": noted})
    assert "damaged" in complaint(path)


def test_other_widths_than_the_file_says(weights: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.safetensors"
    save_file(UNet(2, 4, WIDTHS).state_dict(), wrong, metadata={"chromview": json.dumps({"widths": [4, 16]})})
    assert "another architecture" in complaint(wrong)


def test_the_two_networks_are_not_mistaken_for_each_other(repository: Path) -> None:
    models = repository / "models"
    assert "another architecture" in complaint(models / CLASSIFIER_FILE)
    with pytest.raises(UserError, match=SEGMENTER_FILE):
        Classifier(models / SEGMENTER_FILE, CPU)


def test_all_models_name_the_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=SEGMENTER_FILE):
        Models.load("cpu", tmp_path)


def test_the_folder_of_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMVIEW_MODELS", str(tmp_path / "elsewhere"))
    with pytest.raises(UserError, match="elsewhere"):
        Models.load("cpu")


def test_the_shipped_weights_can_be_loaded_and_say_where_they_run(repository: Path) -> None:
    models = Models.load("cpu", repository / "models")
    assert models.description in ("CPU (bf16)", "CPU (float32)")


def test_weights_can_be_read_by_others_than_who_trained_them(weights: Path) -> None:
    plain = weights.with_name("plain")
    plain.write_bytes(b"")
    assert weights.stat().st_mode == plain.stat().st_mode


def test_devices() -> None:
    assert choose_device("cpu").torch_device.type == "cpu"
    assert choose_device().torch_device.type in ("cpu", "cuda", "mps")
    with pytest.raises(UserError, match="no device 'gpu'"):
        choose_device("gpu")
    for name, there in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available())):
        if not there:
            with pytest.raises(UserError, match=f"no {name.upper()} device"):
                choose_device(name)


def test_descriptions_of_devices() -> None:
    assert CPU.description == "CPU (float32)"
    assert Device(torch.device("cuda"), half=True).description == "CUDA (bf16)"
