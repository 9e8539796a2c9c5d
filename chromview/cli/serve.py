"""``chromview serve``: answers over HTTP."""

from __future__ import annotations

import argparse
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Sequence

from chromview.cli.common import add_device, parser_of, use_models
from chromview.terminal import Terminal


def serve(given: Sequence[str], terminal: Terminal) -> int:
    """Answer requests until somebody ends it."""
    parser = parser_of("serve", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at")
    parser.add_argument("--port", type=int, default=8617, metavar="N", help="0 for any that is free")
    parser.add_argument("--network", action="store_true", help="allow a host that other machines can reach")
    parser.add_argument("--max-bytes", type=int, default=64_000_000, metavar="N", help="largest request")
    parser.add_argument("--timeout", type=float, default=120.0, metavar="SECONDS", help="longest time for a request")
    parser.add_argument("--waiting", type=int, default=4, metavar="N", help="requests that may wait for their turn")
    add_device(parser)
    chosen = parser.parse_args(given)
    if not 0 <= chosen.port <= 65535:
        parser.error("--port must be 0 to 65535")
    if chosen.max_bytes < 1 or not 0 < chosen.timeout < 1e6 or chosen.waiting < 0:
        parser.error(
            "--max-bytes and --timeout must be more than 0 (and a timeout less than 1e6), --waiting not negative"
        )
    use_models(chosen.models)
    from chromview.batch import load_models
    from chromview.serve.server import Limits, Server

    try:
        limits = Limits(chosen.max_bytes, chosen.timeout, chosen.waiting)
        with Server(chosen.host, chosen.port, limits, network=chosen.network, log=terminal.say) as server:
            if not server.loopback:
                terminal.warn(
                    "other machines can reach this server; images of patients go over the network unencrypted"
                )
            models = load_models(chosen.device)
            with _ended_by_signals(server.shutdown):
                print(server.address, flush=True)
                server.serve(models)
    except (KeyboardInterrupt, SystemExit):
        # Being stopped is how a server ends.
        terminal.clear()
    return 0


@contextlib.contextmanager
def _ended_by_signals(shutdown: Callable[[], None]) -> Iterator[None]:
    """While it lasts, Ctrl-C and a request to terminate call `shutdown` from another thread.

    As exceptions they could strike anywhere, also between the making of a request's thread and its start.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [signal.SIGINT, signal.SIGTERM]
    before = [signal.signal(n, lambda *_: threading.Thread(target=shutdown).start()) for n in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
