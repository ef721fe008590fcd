"""``factory serve``: the predictor."""

import os
from argparse import Namespace
from functools import partial

from factory.config import ServeConfig
from flows.console import answers, print_json
from flows.stack.access import credentials
from flows.workplace import open_workplace, resolve
from registry.inference.writer import Writer
from serving.app import Service
from serving.beside import opened_beside
from serving.explain import Explainer
from serving.guard import App, Guard
from serving.run import listening, serve
from serving.shelf import Shelf
from serving.tracing import Tracer


def run(args: Namespace) -> int:
    """Serve champions until the process is told to stop."""
    configs: dict[str, ServeConfig | None] = {}
    for given in args.names:
        name, config = resolve(given)
        configs[name] = config.serve if config else None
    tracer = Tracer.of(os.environ)
    with listening(args.host, args.port) as bound:
        place = open_workplace(args.home)
        shelf = Shelf(place.models, configs)
        shelf.open(wait=args.wait)
        log = Writer(place.home, opener=opened_beside)
        made = Service(shelf, log, Explainer(place.home), tracer, beside=log.figures)
        service = guarded(made)
        host, port = bound.getsockname()[:2]
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"

        serve(service, bound, partial(tell, shelf, address, as_json=args.json))
        tracer.close()
    return 0


def guarded(service: Service) -> App:
    """Have a service ask who calls, where ``FACTORY_AUTH`` is set."""
    known = credentials(os.environ)
    return service if known is None else Guard(service, *known)


def tell(shelf: Shelf, address: str, *, as_json: bool) -> None:
    """Say that requests are answered, where, and with what."""
    proofs = {name: line.champion.proof for name, line in shelf.lines.items()}
    waits = [name for name in shelf.names if name not in proofs]
    if as_json:
        served = [
            {"model": n, "version": shelf.lines[n].champion.version, "form": p.form,
             "because": p.because}
            for n, p in proofs.items()
        ]  # fmt: skip
        print_json({"address": address, "models": served, "waits": waits})
        return
    for name, proof in proofs.items():
        answers.print(f"{name} version {shelf.lines[name].champion.version}, {proof.form}")
    for name in waits:
        answers.print(f"{name} waits for its first champion")
    answers.print(f"{address} answers; {address}/docs says what")
