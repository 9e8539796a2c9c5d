"""torchvision beside a build of torch that its wheel was not made for."""

from __future__ import annotations

import subprocess
import sys
import textwrap


def run(code: str) -> str:
    """Run `code` in a fresh interpreter, where nothing is imported yet."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_imports_first_of_all_and_builds_a_network() -> None:
    out = run(
        """
        from chromview.vision._torchvision import torchvision
        import torch
        network = torchvision.models.resnet18(weights=None, num_classes=24).eval()
        with torch.inference_mode():
            print(tuple(network(torch.zeros(1, 3, 64, 64)).shape))
        """
    )
    assert out.strip() == "(1, 24)"


def test_transforms_work() -> None:
    out = run(
        """
        from chromview.vision._torchvision import torchvision
        import torch
        from torchvision.transforms import v2
        image = torch.arange(12, dtype=torch.float32).reshape(1, 3, 4)
        print(v2.functional.horizontal_flip(image)[0, 0].tolist())
        """
    )
    assert out.strip() == "[3.0, 2.0, 1.0, 0.0]"


def test_is_idempotent_and_leaves_a_plain_import_working() -> None:
    out = run(
        """
        import importlib
        import chromview.vision._torchvision as first
        second = importlib.reload(first)
        import torchvision
        print(second.torchvision is torchvision)
        """
    )
    assert out.strip() == "True"


def test_missing_operators_are_named_and_not_guessed() -> None:
    """Either the compiled operator is there and right, or its absence is said."""
    out = run(
        """
        from chromview.vision._torchvision import torchvision
        import torch
        boxes = torch.tensor([[0., 0., 10., 10.], [1., 1., 10., 10.], [20., 20., 30., 30.]])
        try:
            print(torchvision.ops.nms(boxes, torch.tensor([.9, .8, .7]), .5).tolist())
        except RuntimeError as error:
            print("said" if "custom C++ ops" in str(error) else error)
        """
    )
    assert out.strip() in {"[0, 2]", "said"}
