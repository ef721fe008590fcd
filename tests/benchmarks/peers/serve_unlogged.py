"""The predictor without its inference log: ``serve_unlogged.py HOME NAME PORT``."""

import sys

from flows.workplace import open_workplace
from registry.unlogged import Unlogged
from serving.app import Service
from serving.explain import Explainer
from serving.run import listening, serve
from serving.shelf import Shelf
from serving.tracing import Tracer

home, name, port = sys.argv[1:]
with listening("127.0.0.1", int(port)) as bound:
    place = open_workplace(home)
    shelf = Shelf(place.models, {name: None})
    shelf.open()
    service = Service(shelf, Unlogged(), Explainer(place.home), Tracer())
    serve(service, bound, lambda: None)
