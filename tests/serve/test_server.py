"""The server as a client meets it: over a real socket of this machine, with the networks that ship."""

from __future__ import annotations

import base64
import csv
import http.client
import io
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

from chromview.batch import analyse_all
from chromview.cli import main
from chromview.core.chromosome import CLASS_NAMES
from chromview.errors import UserError
from chromview.places import resources_dir
from chromview.serve.server import CONNECTIONS, Limits, Server
from chromview.storage.exports import CSV_COLUMNS
from chromview.vision.models import Models

SAMPLES = resources_dir() / "samples"
CLUSTER = (SAMPLES / "cluster_crossing.png").read_bytes()
METAPHASE = (SAMPLES / "metaphase_normal_male.png").read_bytes()
PATIENCE = 60.0


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def models(repository: Path) -> Models:
    return Models.load("cpu", repository / "models")


class Reply(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    content: bytes

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"] == "application/json"
        return json.loads(self.content)


Ask = Callable[..., Reply]


@contextmanager
def serving(
    models: Models, limits: Limits | None = None, log: Callable[[str], None] = lambda line: None
) -> Iterator[Server]:
    """A server on a free port, answering on a thread of its own."""
    with Server(limits=limits, log=log) as server:
        thread = threading.Thread(target=server.serve, args=(models,), name="serve")
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(server: Server, method: str, path: str, body: Any = None, **headers: str) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=PATIENCE)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return Reply(response.status, response.headers, response.read())
    finally:
        connection.close()


@contextmanager
def begun(server: Server, path: str = "/classify", length: int = len(CLUSTER)) -> Iterator[socket.socket]:
    """A request that has its place, and has sent nothing of its image yet."""
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=PATIENCE) as connection:
        connection.sendall(
            f"POST {path} HTTP/1.1\r\nHost: here\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n".encode()
        )
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        yield connection


def received(connection: socket.socket) -> Reply:
    response = http.client.HTTPResponse(connection)
    response.begin()
    return Reply(response.status, response.headers, response.read())


@pytest.fixture
def server(models: Models) -> Iterator[Server]:
    with serving(models) as running:
        yield running


def form(content: bytes, name: str = "slide.png") -> tuple[bytes, str]:
    head = b'--edge\r\nContent-Disposition: form-data; name="note"\r\n\r\nwords\r\n'
    head += f'--edge\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n'.encode()
    return (
        head + b"Content-Type: image/png\r\n\r\n" + content + b"\r\n--edge--\r\n",
        "multipart/form-data; boundary=edge",
    )


# --- what is answered ----------------------------------------------------------------------------


def test_one_chromosome_is_classified(server: Server, tmp_path: Path) -> None:
    from chromview.simulate import simulate_cluster

    picture = io.BytesIO()
    Image.fromarray(simulate_cluster(1, seed=4, shape=(96, 96)).image).save(picture, "PNG")
    reply = ask(server, "POST", "/classify", picture.getvalue())
    assert reply.status == 200
    said = reply.json
    assert tuple(said["probabilities"]) == CLASS_NAMES
    assert sum(said["probabilities"].values()) == pytest.approx(1, abs=1e-4)
    assert said["class"] == max(said["probabilities"], key=said["probabilities"].get)
    assert said["confidence"] == max(said["probabilities"].values())

    # The command says the same.
    (tmp_path / "one.png").write_bytes(picture.getvalue())
    assert main(["classify", str(tmp_path / "one.png"), "--out", str(tmp_path / "out.csv"), "--device", "cpu"]) == 0
    (row,) = csv.DictReader((tmp_path / "out.csv").read_text().splitlines())
    assert (said["class"], said["polarity"]) == (row["class"], row["polarity"])
    assert [said["probabilities"][name] for name in CLASS_NAMES] == [float(row[f"p_{name}"]) for name in CLASS_NAMES]


def test_an_analysis_holds_what_the_files_of_the_command_hold(server: Server, tmp_path: Path) -> None:
    reply = ask(server, "POST", "/analyse?karyogram=yes&stain=auto", CLUSTER)
    assert reply.status == 200
    said = reply.json
    (tmp_path / "image.png").write_bytes(CLUSTER)

    def failed(error: Exception, path: Path) -> None:
        raise error

    (done,) = analyse_all([tmp_path / "image.png"], tmp_path / "out", device="cpu", failed=failed)
    rows = list(csv.DictReader((done.folder / "karyotype.csv").read_text().splitlines()))
    sent = [{key: "" if value is None else str(value) for key, value in one.items()} for one in said["karyotype"]]
    assert sent == rows
    assert tuple(said["karyotype"][0]) == CSV_COLUMNS
    expected = json.loads((done.folder / "annotations.json").read_text())
    expected["images"][0]["file_name"] = "image"
    assert said["annotations"] == expected
    summary = done.summary()
    assert all(said[key] == summary[key] for key in ("chromosomes", "clusters", "overlaps", "proposal", "stain"))
    with Image.open(io.BytesIO(base64.b64decode(said["karyogram_png"]))) as picture:
        assert min(picture.size) > 200


def test_a_form_gives_the_karyogram_of_its_file(server: Server) -> None:
    body, kind = form(CLUSTER, "C:\\slides\\cell 7.png")
    reply = ask(server, "POST", "/karyogram", body, Content_Type=kind)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "image/png")
    with Image.open(io.BytesIO(reply.content)) as picture:
        assert picture.format == "PNG"
    said = ask(server, "POST", "/analyse", body, Content_Type=kind).json
    assert said["annotations"]["images"][0]["file_name"] == "cell 7.png"
    assert "karyogram_png" not in said


def test_the_page_and_the_state(server: Server) -> None:
    page = ask(server, "GET", "/")
    assert page.status == 200
    text = page.content.decode()
    assert all(path in text for path in ("/classify", "/analyse", "/karyogram", "/health"))
    assert f"127.0.0.1:{server.server_port}" in text
    health = ask(server, "GET", "/health").json
    assert (health["status"], health["requests"]) == ("ok", 0)
    head = ask(server, "HEAD", "/health")
    assert (head.status, head.content) == (200, b"")
    assert int(head.headers["Content-Length"]) > 0
    assert page.headers["Cache-Control"] == "no-store"


def test_what_a_client_calls_itself_cannot_write_into_the_page(server: Server) -> None:
    page = ask(server, "GET", "/", Host="<script>x</script>")
    assert b"<script>" not in page.content


# --- what is refused -----------------------------------------------------------------------------


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("path", "body", "status", "word"),
    [
        ("/analyse", b"this is no picture", 415, "text"),
        ("/classify", b"GIF89a" + bytes(100), 415, "GIF"),
        ("/analyse", CLUSTER[:2000], 400, "cut off"),
        ("/analyse", b"", 400, "no image"),
        ("/classify", np.full((40, 40), 200, np.uint8), 400, "contrast"),
        ("/classify", np.tile(np.uint8([0, 255]), (1001, 500)), 400, "single chromosome"),
        ("/analyse", np.pad(np.zeros((2, 2), np.uint8), 60, constant_values=220), 422, "No chromosome"),
        ("/classify", np.pad(np.zeros((1, 2), np.uint8), 30, constant_values=220), 422, "No chromosome"),
        ("/analyse?stain=giemsa", CLUSTER, 400, "giemsa"),
        ("/classify?karyogram=yes", CLUSTER, 400, "karyogram"),
        ("/analyse?karyogram=maybe", CLUSTER, 400, "maybe"),
        ("/other", CLUSTER, 404, "nothing"),
        ("/", CLUSTER, 405, "method"),
    ],
)
def test_a_request_that_cannot_be_answered_gets_a_sentence(
    server: Server, path: str, body: bytes | np.ndarray, status: int, word: str
) -> None:
    reply = ask(server, "POST", path, body if isinstance(body, bytes) else png(body))
    assert reply.status == status
    assert word in reply.json["error"]
    assert reply.json["error"].endswith(".")
    assert "\n" not in reply.json["error"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"])
def test_another_method_is_refused_with_the_right_one(server: Server, method: str) -> None:
    reply = ask(server, method, "/analyse", CLUSTER)
    assert (reply.status, reply.headers["Allow"]) == (405, "POST")
    assert "POST" in reply.json["advice"]


def test_a_form_without_a_file_is_refused(server: Server) -> None:
    body = b'--edge\r\nContent-Disposition: form-data; name="image"\r\n\r\nwords\r\n--edge--\r\n'
    for kind in ("multipart/form-data; boundary=edge", "multipart/form-data"):
        assert ask(server, "POST", "/analyse", body, Content_Type=kind).status == 400


def test_a_large_request_is_refused_before_it_is_read(models: Models) -> None:
    with serving(models, Limits(max_bytes=len(CLUSTER))) as server:
        assert ask(server, "POST", "/analyse", CLUSTER).status == 200
        reply = ask(server, "POST", "/analyse", CLUSTER + b"x")
        assert reply.status == 413
        assert f"{len(CLUSTER):,}" in reply.json["error"]
        # The answer comes although none of these bytes were sent.
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=PATIENCE) as connection:
            connection.sendall(b"POST /analyse HTTP/1.1\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n")
            assert received(connection).status == 413


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("POST /analyse HTTP/1.1\r\n", 411),
        ("POST /analyse HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", 411),
        ("POST /analyse HTTP/1.1\r\nContent-Length: -5\r\n", 400),
        ("POST /analyse HTTP/1.1\r\nContent-Length: many\r\n", 400),
        ("GET /" + "a" * 70_000 + " HTTP/1.1\r\n", 414),
        ("GET / HTTP/7.0\r\n", 505),
        ("GET / HTTP/1.1\r\n" + "X: y\r\n" * 200, 431),
        ("GET / nonsense\r\n", 400),
    ],
)
def test_what_is_hardly_http_is_answered_all_the_same(server: Server, head: str, status: int) -> None:
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=PATIENCE) as connection:
        connection.sendall(head.encode() + b"\r\n")
        answer = connection.makefile("rb").read()
    assert int(answer.split()[1]) == status
    assert b'"error": "The ' in answer


def test_a_client_that_stops_halfway_costs_nothing(server: Server) -> None:
    with begun(server) as connection:
        connection.sendall(CLUSTER[:500])
        connection.shutdown(socket.SHUT_WR)
        reply = received(connection)
    assert reply.status == 400
    assert "500" in reply.json["error"]
    assert ask(server, "POST", "/classify", CLUSTER).status == 200


# --- turns and time ------------------------------------------------------------------------------


def test_two_at_once_are_both_answered_and_a_third_is_not(models: Models) -> None:
    with serving(models, Limits(waiting=1)) as server, ExitStack() as stack:
        first, second = (stack.enter_context(begun(server)) for _ in range(2))
        refused = ask(server, "POST", "/classify", CLUSTER)
        assert refused.status == 503
        assert refused.json["advice"]
        assert ask(server, "GET", "/health").json["requests"] == 2
        for connection in (first, second):
            connection.sendall(CLUSTER)
        assert received(first).json == received(second).json
        assert ask(server, "POST", "/classify", CLUSTER).status == 200


def test_many_at_once_get_the_answers_to_their_own_images(server: Server) -> None:
    names = ["cluster_crossing", "cluster_touching", "cluster_bent", "cluster_cut_out"]
    images = [(SAMPLES / f"{name}.png").read_bytes() for name in names]
    alone = [ask(server, "POST", "/analyse", image).json for image in images]
    with ThreadPoolExecutor(len(images)) as pool:
        together = list(pool.map(lambda image: ask(server, "POST", "/analyse", image).json, images))
    assert [one["annotations"] for one in together] == [one["annotations"] for one in alone]


def test_an_analysis_that_takes_too_long_is_given_up(models: Models) -> None:
    with serving(models, Limits(seconds=0.3)) as server:
        reply = ask(server, "POST", "/analyse", METAPHASE)
        assert reply.status == 504
        assert "time" in reply.json["error"]
        # What was given up leaves its place to others.
        while ask(server, "GET", "/health").json["requests"]:
            pass
        assert server.turns.taken == 0


def test_a_client_that_says_nothing_is_let_go(models: Models) -> None:
    with serving(models, Limits(seconds=0.3)) as server:
        with begun(server) as connection:
            assert received(connection).status == 408
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=PATIENCE) as connection:
            assert connection.recv(100) == b""


def test_connections_are_bounded(models: Models) -> None:
    with serving(models) as server, ExitStack() as stack:
        for _ in range(CONNECTIONS):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.server_port), timeout=PATIENCE))
        one_more = stack.enter_context(socket.create_connection(("127.0.0.1", server.server_port), timeout=PATIENCE))
        assert one_more.recv(100) == b""


def test_closing_ends_what_runs_waits_and_listens(models: Models) -> None:
    before = set(threading.enumerate())
    with serving(models) as server, ExitStack() as stack:
        silent = stack.enter_context(begun(server))
        running, waiting = (stack.enter_context(begun(server, "/analyse", len(METAPHASE))) for _ in range(2))
        for connection in (running, waiting):
            connection.sendall(METAPHASE)
        server.shutdown()
        server.server_close()
        assert {thread.name for thread in set(threading.enumerate()) - before} <= {"serve"}
        assert received(silent).status == 400
        for connection in (running, waiting):
            reply = received(connection)
            # An analysis that was quick enough is answered.
            assert reply.status in (200, 503)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", server.server_port), timeout=PATIENCE)


def test_the_log_names_no_files_and_nothing_is_kept(
    models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines: list[str] = []
    with serving(models, log=lines.append) as server:
        body, kind = form(CLUSTER, "patient_4711.png")
        assert ask(server, "POST", "/analyse", body, Content_Type=kind).status == 200
        assert ask(server, "GET", "/patient_4711").status == 404
    assert [line.split()[:2] for line in lines] == [["POST", "/analyse"], ["GET", "(another"]]
    assert "4711" not in "".join(lines)
    assert list(tmp_path.iterdir()) == []


# --- the command ---------------------------------------------------------------------------------


def test_other_machines_are_let_in_only_when_that_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--host", "0.0.0.0", "--port", "0"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert "patients" in err and "--network" in err
    assert err.count("\n") == 1
    with Server("0.0.0.0", network=True) as server:
        assert not server.loopback
    with Server("localhost") as server:
        assert server.loopback


@pytest.mark.parametrize("options", [["--port", "99999"], ["--timeout", "0"], ["--max-bytes", "-1"], ["--waiting=-1"]])
def test_wrong_options_are_told(options: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", *options]) == 2
    assert options[0].partition("=")[0] in capfd.readouterr().err


def test_a_port_in_use_and_an_unknown_host_are_told() -> None:
    with Server() as first, pytest.raises(UserError, match=f"port {first.server_port}.*used by another program"):
        Server(port=first.server_port)
    with pytest.raises(UserError, match="no address"):
        Server("no such host")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_stopped(how: signal.Signals) -> None:
    command = [sys.executable, "-m", "chromview", "serve", "--port", "0", "--device", "cpu"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        host, _, port = address.removeprefix("http://").rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=PATIENCE)
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200
        connection.close()
        # It is stopped in the middle of an analysis.
        connection.request("POST", "/analyse", METAPHASE)
        process.send_signal(how)
        out, err = process.communicate(timeout=PATIENCE)
        connection.close()
    assert (process.returncode, out, err) == (0, "", "")
