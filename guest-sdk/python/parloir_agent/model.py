"""The language model the operator configured, if any. An agent never names a provider."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from wit_world.imports import model as host
from wit_world.imports.call import BargeIn, SayOptions
from wit_world.imports.model import Answer, Finish, SpokenAnswer, ToolCall

from .refusal import asked

__all__ = [
    "Answer",
    "Assistant",
    "Finish",
    "Message",
    "SpokenAnswer",
    "System",
    "Tool",
    "ToolCall",
    "ToolResult",
    "User",
    "available",
    "chat",
    "reply",
]


@dataclass(frozen=True)
class System:
    """What the model is told to be."""

    text: str


@dataclass(frozen=True)
class User:
    """What the caller said."""

    text: str


@dataclass(frozen=True)
class Assistant:
    """What the model said, as far as the caller heard it, and the tools it asked for."""

    text: str
    tool_calls: list[ToolCall] = field(default_factory=list)


@dataclass(frozen=True)
class ToolResult:
    """What a tool gave."""

    id: str
    content: str


Message = System | User | Assistant | ToolResult


@dataclass(frozen=True)
class Tool:
    """A function the model may ask for; `parameters` is the JSON Schema of its arguments."""

    name: str
    description: str
    parameters: dict[str, Any]


def available() -> bool:
    """Whether the line has a model and the agent may use it. Costs nothing."""
    return host.available()


def chat(
    messages: Sequence[Message],
    *,
    tools: Sequence[Tool] = (),
    max_tokens: int = 0,
    temperature: float | None = None,
) -> Answer:
    """Asks, and waits for the whole answer."""
    return asked(host.chat, [_message(m) for m in messages], _options(tools, max_tokens, temperature))


def reply(
    messages: Sequence[Message],
    *,
    tools: Sequence[Tool] = (),
    max_tokens: int = 0,
    temperature: float | None = None,
    barge_in: BargeIn = BargeIn.BY_SPEECH,
    language: str | None = None,
) -> SpokenAnswer:
    """Asks, and speaks the answer sentence by sentence as it is written. Put what was heard of it in the
    next message, not what was generated."""
    options = _options(tools, max_tokens, temperature)
    return asked(host.reply, [_message(m) for m in messages], options, SayOptions(barge_in, language))


def _message(message: Message) -> host.Message:
    match message:
        case System(text):
            return host.Message_System(text)
        case User(text):
            return host.Message_User(text)
        case Assistant(text, calls):
            return host.Message_Assistant(host.AssistantMessage(text, calls))
        case ToolResult(id, content):
            return host.Message_Tool(host.ToolResult(id, content))


def _options(tools: Sequence[Tool], max_tokens: int, temperature: float | None) -> host.ChatOptions:
    described = [host.Tool(tool.name, tool.description, _compact(tool.parameters)) for tool in tools]
    return host.ChatOptions(max_tokens, temperature, described)


def _compact(schema: dict[str, Any]) -> str:
    return json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
