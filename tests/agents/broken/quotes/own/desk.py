"""A module of the agent's own."""

from parloir_agent import memory as kept


def keep(text: str) -> None:
    kept.put("call", text.encode())
