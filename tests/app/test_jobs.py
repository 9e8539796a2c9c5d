"""The worker answers for the slide it was asked about, stops when told to, and never holds the window up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from chromview.app.jobs import Jobs
from chromview.core.chromosome import Analysis, Box, Chromosome, Quality, SlideImage, Stain
from chromview.errors import UserError
from chromview.progress import CancelToken, Progress

IMAGE = SlideImage(np.zeros((4, 4), np.uint8), path="cell.png", sha256="0")


class Pipeline:
    """Stands where the pipeline does: each analysis waits until the test lets it go on."""

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.loaded: list[str] = []
        self.seen: list[tuple[SlideImage, Stain | None]] = []
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)
        self.error: Exception | None = None
        self.description = "CPU (test)"

    def load(self, device: str) -> Pipeline:
        self.threads.add(threading.get_ident())
        self.loaded.append(device)
        return self

    def analyse(
        self,
        image: SlideImage,
        models: Any,
        *,
        stain: Stain | None,
        progress: Progress,
        cancel: CancelToken,
        **more: Any,
    ) -> Analysis:
        assert models is self
        self.threads.add(threading.get_ident())
        self.seen.append((image, stain))
        progress("segmenting", 0.5)
        self.begun.release()
        while not self.go_on.acquire(timeout=0.01):
            cancel.check()
        if self.error is not None:
            raise self.error
        return Analysis((4, 4), Stain.G_BAND, False, 1.0, (), str(image.path), False, Quality(), {})

    def reread(
        self, image: SlideImage, chromosomes: Any, ids: Any, models: Any, *, stain: Stain | None, **more: Any
    ) -> tuple[Chromosome, ...]:
        self.threads.add(threading.get_ident())
        return tuple(c for c in chromosomes if c.id in ids)


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline()


@pytest.fixture
def jobs(pipeline: Pipeline, qtbot: QtBot) -> Iterator[Jobs]:
    jobs = Jobs(pipeline.analyse, pipeline.load, pipeline.reread)
    yield jobs
    jobs.shutdown()
    jobs.deleteLater()


@pytest.fixture
def log(jobs: Jobs) -> list[tuple[Any, ...]]:
    """Everything the worker said, in order."""
    said: list[tuple[Any, ...]] = []
    for name in ("started", "finished", "failed", "cancelled", "device"):
        getattr(jobs, name).connect(lambda *values, name=name: said.append((name, *values)))
    return said


def wait_until_running(pipeline: Pipeline) -> None:
    assert pipeline.begun.acquire(timeout=20)


def image(name: str) -> SlideImage:
    return SlideImage(IMAGE.pixels, path=name)


def test_an_answer_names_slide_and_generation(jobs: Jobs, pipeline: Pipeline, log: list[Any], qtbot: QtBot) -> None:
    with qtbot.waitSignals([jobs.progress, jobs.finished], timeout=20_000) as waited:
        jobs.analyse(7, 3, IMAGE, stain=Stain.DAPI)
        pipeline.go_on.release()
    del waited
    assert [entry[0] for entry in log] == ["started", "device", "finished"]
    assert log[1] == ("device", "CPU (test)")
    assert log[2][1:3] == (7, 3) and log[2][3].proposal == "cell.png"
    assert pipeline.seen == [(IMAGE, Stain.DAPI)]
    assert jobs.running is None and jobs.waiting == ()


def test_the_models_are_loaded_once_and_on_the_worker_thread(jobs: Jobs, pipeline: Pipeline, qtbot: QtBot) -> None:
    for slide in (1, 2):
        with qtbot.waitSignal(jobs.finished, timeout=20_000):
            jobs.analyse(slide, slide, IMAGE)
            pipeline.go_on.release()
    assert pipeline.loaded == ["auto"]
    assert len(pipeline.threads) == 1 and threading.get_ident() not in pipeline.threads


def test_slides_are_analysed_in_the_order_asked_for(
    jobs: Jobs, pipeline: Pipeline, log: list[Any], qtbot: QtBot
) -> None:
    for slide in (3, 1, 2):
        jobs.analyse(slide, 10 + slide, image(str(slide)))
    assert jobs.running == 3 and jobs.waiting == (1, 2)
    pipeline.go_on.release(3)
    qtbot.waitUntil(lambda: sum(entry[0] == "finished" for entry in log) == 3, timeout=20_000)
    assert [entry[1:3] for entry in log if entry[0] == "finished"] == [(3, 13), (1, 11), (2, 12)]


def test_the_slide_that_is_looked_at_goes_first_and_the_other_begins_again(
    jobs: Jobs, pipeline: Pipeline, log: list[Any], qtbot: QtBot
) -> None:
    jobs.analyse(1, 1, image("1"))
    jobs.analyse(2, 2, image("2"))
    wait_until_running(pipeline)
    jobs.analyse(3, 3, image("3"), first=True)
    wait_until_running_in_qt(qtbot, jobs, 3)
    assert jobs.waiting == (1, 2)
    pipeline.go_on.release(3)
    qtbot.waitUntil(lambda: sum(entry[0] == "finished" for entry in log) == 3, timeout=20_000)
    assert [entry[1] for entry in log if entry[0] == "finished"] == [3, 1, 2]
    assert not [entry for entry in log if entry[0] in ("cancelled", "failed")]


def wait_until_running_in_qt(qtbot: QtBot, jobs: Jobs, slide: int) -> None:
    qtbot.waitUntil(lambda: jobs.running == slide, timeout=20_000)


def test_going_to_a_waiting_slide_prefers_it(jobs: Jobs, pipeline: Pipeline, qtbot: QtBot) -> None:
    for slide in (1, 2, 3):
        jobs.analyse(slide, slide, image(str(slide)))
    wait_until_running(pipeline)
    jobs.prefer(1)
    jobs.prefer(99)
    assert jobs.running == 1 and jobs.waiting == (2, 3)
    jobs.prefer(3)
    wait_until_running_in_qt(qtbot, jobs, 3)
    assert jobs.waiting == (1, 2)


def test_asking_again_for_a_slide_supersedes_the_first_question(
    jobs: Jobs, pipeline: Pipeline, log: list[Any], qtbot: QtBot
) -> None:
    jobs.analyse(1, 1, image("old"))
    jobs.analyse(2, 2, image("old waiting"))
    wait_until_running(pipeline)
    jobs.analyse(2, 3, image("new waiting"))
    jobs.analyse(1, 4, image("new"))
    qtbot.waitUntil(lambda: len(pipeline.seen) == 2, timeout=20_000)
    pipeline.go_on.release(2)
    qtbot.waitUntil(lambda: sum(entry[0] == "finished" for entry in log) == 2, timeout=20_000)
    assert [(entry[2], entry[3].proposal) for entry in log if entry[0] == "finished"] == [
        (4, "new"),
        (3, "new waiting"),
    ]
    assert not [entry for entry in log if entry[0] == "cancelled"]


def test_cancel_stops_what_runs_and_what_waits(jobs: Jobs, pipeline: Pipeline, log: list[Any], qtbot: QtBot) -> None:
    jobs.analyse(1, 1, IMAGE)
    jobs.analyse(2, 2, IMAGE)
    jobs.analyse(3, 3, IMAGE)
    wait_until_running(pipeline)
    jobs.cancel(2)
    assert ("cancelled", 2) in log and jobs.waiting == (3,)
    with qtbot.waitSignal(jobs.cancelled, timeout=20_000, check_params_cb=lambda slide: slide == 1):
        jobs.cancel(1)
    wait_until_running_in_qt(qtbot, jobs, 3)
    jobs.cancel()
    qtbot.waitUntil(lambda: jobs.running is None, timeout=20_000)
    assert sorted(entry[1] for entry in log if entry[0] == "cancelled") == [1, 2, 3]
    assert not [entry for entry in log if entry[0] == "finished"]


def test_a_slide_stopped_for_another_can_be_cancelled(
    jobs: Jobs, pipeline: Pipeline, log: list[Any], qtbot: QtBot
) -> None:
    jobs.analyse(1, 1, IMAGE)
    wait_until_running(pipeline)
    jobs.analyse(2, 2, IMAGE, first=True)
    jobs.cancel(1)
    wait_until_running_in_qt(qtbot, jobs, 2)
    pipeline.go_on.release()
    qtbot.waitUntil(lambda: jobs.running is None, timeout=20_000)
    assert [entry for entry in log if entry[0] == "cancelled"] == [("cancelled", 1)]
    assert [entry[1] for entry in log if entry[0] == "finished"] == [2]


def test_an_answer_that_comes_in_spite_of_cancel_is_dropped(
    jobs: Jobs, pipeline: Pipeline, log: list[Any], qtbot: QtBot
) -> None:
    jobs.analyse(1, 1, IMAGE)
    wait_until_running(pipeline)
    # The analysis goes on at once, so it ends before it looks at the token.
    pipeline.go_on.release()
    jobs.cancel(1)
    qtbot.waitUntil(lambda: jobs.running is None, timeout=20_000)
    assert [entry[0] for entry in log if entry[0] in ("finished", "cancelled")] == ["cancelled"]


def test_a_users_problem_is_a_sentence_and_the_next_slide_goes_on(
    jobs: Jobs, pipeline: Pipeline, log: list[Any], qtbot: QtBot
) -> None:
    pipeline.error = UserError("is no chromosome to be seen", path="cell.png", advice="Take another.")
    pipeline.go_on.release()
    with qtbot.waitSignal(jobs.failed, timeout=20_000) as failed:
        jobs.analyse(1, 1, IMAGE)
    assert failed.args == [1, "cell.png: is no chromosome to be seen. Take another."]
    pipeline.error = None
    pipeline.go_on.release()
    with qtbot.waitSignal(jobs.finished, timeout=20_000):
        jobs.analyse(2, 2, IMAGE)


def test_our_fault_is_said_to_be_ours_with_something_to_copy(
    jobs: Jobs, pipeline: Pipeline, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline.error = ZeroDivisionError("by zero")
    pipeline.go_on.release()
    failed: list[str] = []
    jobs.failed.connect(lambda slide, sentence: failed.append(sentence))
    with qtbot.waitSignal(jobs.fault, timeout=20_000) as fault:
        jobs.analyse(1, 1, IMAGE)
    assert len(failed) == 1 and "fault of chromview" in failed[0]
    assert "Traceback" in fault.args[0] and "by zero" in fault.args[0]
    assert "by zero" in caplog.text


def test_missing_weights_are_told_for_each_slide_and_loaded_when_they_are_there(
    qtbot: QtBot, pipeline: Pipeline
) -> None:
    def load(device: str) -> Pipeline:
        if not pipeline.loaded:
            pipeline.loaded.append("failed")
            raise UserError("the weights are missing", path="models/segmenter.safetensors", advice="Install again.")
        return pipeline

    jobs = Jobs(pipeline.analyse, load, pipeline.reread)
    with qtbot.waitSignal(jobs.failed, timeout=20_000) as failed:
        jobs.analyse(1, 1, IMAGE)
    assert "weights are missing" in failed.args[1]
    pipeline.go_on.release()
    with qtbot.waitSignal(jobs.finished, timeout=20_000):
        jobs.analyse(1, 2, IMAGE)
    jobs.shutdown()


def test_an_image_is_read_on_the_worker_and_handed_on(
    jobs: Jobs, pipeline: Pipeline, picture: Callable[..., Path], qtbot: QtBot, log: list[Any], tmp_path: Path
) -> None:
    path = picture()
    pipeline.go_on.release()
    with qtbot.waitSignals([jobs.image_read, jobs.finished], timeout=20_000):
        jobs.analyse(1, 1, path)
    assert pipeline.seen[0][0].shape == (200, 200)
    with qtbot.waitSignal(jobs.failed, timeout=20_000) as failed:
        jobs.analyse(1, 2, tmp_path / "gone.png")
    assert "gone.png" in failed.args[1]


def test_the_device_can_be_changed(jobs: Jobs, pipeline: Pipeline, qtbot: QtBot) -> None:
    with qtbot.waitSignal(jobs.device, timeout=20_000):
        jobs.prepare()
    with qtbot.waitSignal(jobs.device, timeout=20_000):
        jobs.set_device("cpu")
    assert pipeline.loaded == ["auto", "cpu"]


def test_masks_are_read_again_before_waiting_analyses(
    jobs: Jobs, pipeline: Pipeline, qtbot: QtBot, log: list[Any]
) -> None:
    chromosomes = tuple(Chromosome(id, Box(0, 0, 1, 1), np.ones((1, 1), bool)) for id in (1, 2, 3))
    jobs.analyse(1, 1, IMAGE)
    jobs.analyse(2, 2, IMAGE)
    wait_until_running(pipeline)
    pipeline.go_on.release()
    with qtbot.waitSignal(jobs.reread_finished, timeout=20_000) as answer:
        jobs.reread(1, IMAGE, chromosomes, {2, 3})
    slide, asked, read = answer.args
    assert (slide, asked) == (1, chromosomes) and read == chromosomes[1:]
    assert [entry[1] for entry in log if entry[0] == "finished"] == [1]


def test_shutdown_stops_the_work_and_waits_for_the_thread(jobs: Jobs, pipeline: Pipeline, log: list[Any]) -> None:
    jobs.analyse(1, 1, IMAGE)
    jobs.analyse(2, 2, IMAGE)
    wait_until_running(pipeline)
    jobs.shutdown()
    assert not jobs._thread.isRunning()
    jobs.shutdown()
    jobs.analyse(3, 3, IMAGE)
    jobs.prepare()
    assert [entry[0] for entry in log] == ["started"]
    assert len(pipeline.seen) == 1


def test_a_worker_that_never_worked_has_no_thread(pipeline: Pipeline, qtbot: QtBot) -> None:
    jobs = Jobs(pipeline.analyse, pipeline.load)
    jobs.cancel()
    jobs.shutdown()
    assert not pipeline.threads


def test_importing_jobs_does_not_import_torch() -> None:
    import subprocess
    import sys

    code = "import sys, chromview.app.jobs, chromview.app.document; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
