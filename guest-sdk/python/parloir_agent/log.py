"""Notes for the agent's developer, in the call's journal; over 2000 characters they are cut."""

from wit_world.imports import log as host
from wit_world.imports.log import Level

__all__ = ["Level", "debug", "error", "info", "warn", "write"]


def write(level: Level, message: str) -> None:
    host.write(level, message)


def debug(message: str) -> None:
    write(Level.DEBUG, message)


def info(message: str) -> None:
    write(Level.INFO, message)


def warn(message: str) -> None:
    write(Level.WARN, message)


def error(message: str) -> None:
    write(Level.ERROR, message)
