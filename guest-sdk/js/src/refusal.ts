import type { RawRefusal } from "parloir:agent/types@0.1.0";

/**
 * Why the host did not do what was asked: the line does not grant it; a quota is used up; the thing
 * is not there or its provider failed; the arguments are out of range.
 */
export type RefusalKind = RawRefusal["tag"];

/** What the host did not do. Nothing happened, and the agent may go on. */
export class Refusal extends Error {
  override readonly name = "Refusal";

  constructor(
    readonly kind: RefusalKind,
    /** Why, in the host's words: how to be allowed, or what to change. */
    readonly reason: string,
  ) {
    super(`${kind.replace("-", " ")}: ${reason}`);
  }
}

/** Does what may be refused, and throws what is as a {@link Refusal}. */
export function asked<T>(ask: () => T): T {
  try {
    return ask();
  } catch (thrown) {
    throw refusal(thrown) ?? thrown;
  }
}

function refusal(thrown: unknown): Refusal | undefined {
  const { tag, val, payload } = (thrown ?? {}) as { tag?: unknown; val?: unknown; payload?: unknown };
  if (typeof val === "string") {
    switch (tag) {
      case "not-permitted":
      case "over-quota":
      case "unavailable":
      case "invalid":
        return new Refusal(tag, val);
    }
  }
  return payload === undefined ? undefined : refusal(payload);
}
