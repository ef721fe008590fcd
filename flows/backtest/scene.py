"""What all policies of a backtest share: the stream, the first champion, the configuration."""

from dataclasses import dataclass

from factory.bundle import Bundle
from factory.config import ModelConfig
from flows.backtest.stream import Stream


@dataclass(frozen=True)
class Scene:
    """The stage on which every policy plays.

    Attributes:
        stream: the windows.
        champion: what serves the first of them.
        config: of the model.
    """

    stream: Stream
    champion: Bundle
    config: ModelConfig
