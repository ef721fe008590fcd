"""The versions that a service holds, and how it follows the ledger from one to the next.

A promotion or a rollback is one new entry in the ledger. The newest entries are asked for twice a
second; a version that is not at hand is loaded beside the one that serves, tried, and put in its
place by one assignment. A request keeps the version that it began with.
"""

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Literal

from factory.config import ServeConfig
from factory.errors import FactoryError, NoChampion, UnknownModel
from registry.chain import Head
from registry.models import Models
from serving.refused import Refused
from serving.served import Served, load

log = logging.getLogger("factory.serving")
Mode = Literal["off", "shadow", "canary"]


@dataclass(frozen=True, slots=True)
class Line:
    """What serves one model now.

    Attributes:
        champion: answers.
        warm: versions at hand by number, the champion's and the previous one's among them.
        challenger: to be judged; None where there is none, or it was stopped.
        config: how challengers are treated.
        head: of the ledger, when this was decided.
        behind: why the ledger's champion does not serve, empty where it does.
    """

    champion: Served
    warm: Mapping[int, Served]
    challenger: Served | None
    config: ServeConfig
    head: Head | None
    behind: str = ""


@dataclass(slots=True)
class Shelf:
    """The lines of all models of a service.

    Attributes:
        models: the registry.
        configs: how each model's challengers are treated, where that is not as its champion has
            it; in the order of the names.
        lines: by name.
        stopped: challengers that failed while they served, by name; they get no more traffic.
    """

    models: Models
    configs: Mapping[str, ServeConfig | None]
    lines: dict[str, Line] = field(default_factory=dict)
    stopped: dict[str, set[int]] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the models, as given."""
        return tuple(self.configs)

    def line(self, name: str) -> Line:
        """Return what serves a model.

        Raises:
            Refused: it has had no champion yet.
        """
        if name not in self.lines:
            hint = "send the request again once a version is champion"
            raise Refused("not_ready", f"{name!r} has no champion yet.", hint=hint)
        return self.lines[name]

    def open(self, *, wait: bool = False) -> None:
        """Load every champion.

        Args:
            wait: a model without one is loaded as soon as it has one, see ``follow``.

        Raises:
            UnknownModel: nothing of a name is registered.
            NoChampion: a model has none yet.
            Unavailable: the registry or the ledger does not answer, or a version is damaged.
        """
        for name in self.names:
            try:
                self._open(name)
            except (NoChampion, UnknownModel):
                if not wait:
                    raise

    def follow(self) -> list[str]:
        """Look whether champions moved, and follow; return the names of those that did.

        Whatever goes wrong, what serves goes on serving.
        """
        moved = []
        for name in self.names:
            try:
                if self._follow(name) if name in self.lines else self._appears(name):
                    moved.append(name)
            except (FactoryError, OSError) as error:
                self._stay(name, error.problem if isinstance(error, FactoryError) else str(error))
        return moved

    def stop_challenger(self, name: str, version: int, why: str) -> None:
        """Give a challenger no more traffic in this process."""
        self.stopped.setdefault(name, set()).add(version)
        line = self.lines[name]
        if line.challenger is not None and line.challenger.version == version:
            self.lines[name] = replace(line, challenger=None)
            log.warning("challenger %s of %s is stopped: %s", version, name, why)

    def _open(self, name: str) -> None:
        head = self.models.ledger.head(name)
        champion = load(self.models, name, self.models.champion(name))
        config = self.configs[name] or ServeConfig.of(champion.bundle.config)
        held = {champion.version: champion}
        self.lines[name] = Line(champion, held, None, config, head)
        previous = self.models.ledger.previous(name)
        if previous is not None:
            self._warm(name, previous)
        self._challenge(name)

    def _appears(self, name: str) -> bool:
        with suppress(NoChampion, UnknownModel):
            self._open(name)
        return name in self.lines

    def _stay(self, name: str, problem: str) -> None:
        line = self.lines.get(name)
        if line is None:
            log.warning("%s cannot be served: %s", name, problem)
            return
        if line.behind != problem:
            log.warning("%s goes on with its version: %s", name, problem)
        self.lines[name] = replace(line, behind=problem)

    def _follow(self, name: str) -> bool:
        line, head = self.lines[name], self.models.ledger.head(name)
        if head == line.head and not line.behind:
            self._challenge(name)
            return False
        version = self.models.ledger.champion(name)
        if version is None:
            raise NoChampion(name)
        moved = version != line.champion.version
        champion = line.warm.get(version) or load(self.models, name, version)
        config = self.configs[name] or ServeConfig.of(champion.bundle.config)
        kept = {line.champion.version: line.champion, version: champion}
        previous = self.models.ledger.previous(name)
        if previous is not None and previous in line.warm:
            kept[previous] = line.warm[previous]
        self.lines[name] = replace(
            line, champion=champion, warm=kept, config=config, head=head, behind=""
        )
        if moved:
            log.warning("%s: version %s serves now", name, version)
        self._challenge(name)
        return moved

    def _challenge(self, name: str) -> None:
        line = self.lines[name]
        # The mark is MLflow's alone: it moves without an entry in the ledger.
        asked = line.config.challenger != "off"
        version = self.models.challenger(name) if asked else None
        if version is None or version in self.stopped.get(name, ()):
            self.lines[name] = replace(line, challenger=None)
            return
        if line.challenger is not None and line.challenger.version == version:
            return
        try:
            challenger = line.warm.get(version) or load(self.models, name, version)
        except FactoryError as error:
            self.stop_challenger(name, version, error.problem)
            return
        self.lines[name] = replace(
            line, challenger=challenger, warm={**line.warm, version: challenger}
        )

    def _warm(self, name: str, version: int) -> None:
        try:
            held = load(self.models, name, version)
        except FactoryError as error:
            log.warning("the previous version of %s is not kept warm: %s", name, error.problem)
            return
        line = self.lines[name]
        self.lines[name] = replace(line, warm={**line.warm, version: held})
