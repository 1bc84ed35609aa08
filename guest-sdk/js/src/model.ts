/** The language model the operator configured, if any. An agent never names a provider. @module */

import host, {
  type Answer,
  type Finish,
  type RawChatOptions,
  type RawMessage,
  type SpokenAnswer,
  type ToolCall,
} from "parloir:agent/model@0.1.0";
import { saying, type SayOptions } from "./conversation.js";
import { asked } from "./refusal.js";

export type { Answer, Finish, SpokenAnswer, ToolCall };

/** A function the model may ask for. */
export interface Tool {
  name: string;
  description: string;
  /** The JSON Schema of its arguments. */
  parameters: object;
}

/** What the model is told. */
export type Message =
  | { role: "system" | "user"; text: string }
  | { role: "assistant"; text: string; toolCalls?: ToolCall[] }
  | { role: "tool"; id: string; content: string };

export interface ChatOptions {
  /** At most so many tokens of answer; the line's limit by default. */
  maxTokens?: number;
  /** 0 to 2; the line's own by default. */
  temperature?: number;
  tools?: Tool[];
}

/** Whether the line has a model and the agent may use it. Costs nothing. */
export function available(): boolean {
  return host.available();
}

/** Asks, and waits for the whole answer. */
export function chat(messages: Message[], options: ChatOptions = {}): Answer {
  return asked(() => host.chat(messages.map(message), chatting(options)));
}

/** Asks, and speaks the answer sentence by sentence as it is written. */
export function reply(messages: Message[], options: ChatOptions & SayOptions = {}): SpokenAnswer {
  return asked(() => host.reply(messages.map(message), chatting(options), saying(options)));
}

function message(message: Message): RawMessage {
  switch (message.role) {
    case "system":
    case "user":
      return { tag: message.role, val: message.text };
    case "assistant":
      return { tag: "assistant", val: { text: message.text, toolCalls: message.toolCalls ?? [] } };
    case "tool":
      return { tag: "tool", val: { id: message.id, content: message.content } };
  }
}

function chatting({ maxTokens = 0, temperature, tools = [] }: ChatOptions): RawChatOptions {
  const described = tools.map((tool) => ({ ...tool, parameters: JSON.stringify(tool.parameters) }));
  return { maxTokens, temperature: temperature ?? null, tools: described };
}
