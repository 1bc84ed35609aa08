// Asks its language for files, the network, other programs, the environment, a clock, chance, or memory that is not its own, by
// name, by evaluated code and by buffers that are taken away meanwhile, as the setting `try` says: it is told that there is none,
// or is stopped.

import { agent, log } from "parloir-agent";

// What engines and systems put there, whatever it is.
const everything = globalThis as unknown as Record<string, any>;

/** The first of these names that there is. */
function first(...names: string[]): any {
  for (const name of names) if (everything[name] !== undefined) return everything[name];
  throw new ReferenceError(names.join(", "));
}

/** Bytes in which something is that nobody wrote. */
function isDirty(bytes: Uint8Array): boolean {
  return bytes.some((byte) => byte !== 0);
}

/** A view whose buffer goes away while it is written to. */
function writtenWhileItGoes(): number | undefined {
  const view = new Uint8Array(1 << 16);
  const taken = {
    valueOf(): number {
      const buffer = view.buffer as any;
      if (typeof buffer.transfer === "function") buffer.transfer(0);
      return 7;
    },
  };
  view.fill(taken as unknown as number);
  return view[1 << 15];
}

const attempts: Record<string, () => unknown> = {
  files: () => first("std", "os", "Deno", "Bun").open("/etc/passwd", "r"),
  modules: () => first("require")("fs").readFileSync("/etc/passwd"),
  environment: () => Object.keys(first("process").env).length > 0,
  network: () => first("fetch", "XMLHttpRequest", "WebSocket", "EventSource")("http://169.254.169.254/latest/"),
  programs: () => first("os", "std").exec(["id"]),
  threads: () => new (first("Worker"))("data:text/javascript,0"),
  native: () => new (first("WebAssembly").Module)(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])),
  // Code that is written in the call sees what any other does.
  evaluated: () => (0, eval)("typeof std + typeof os + typeof process + typeof require") !== "undefined".repeat(4),
  constructed: () => new Function("return typeof std !== 'undefined' || typeof os !== 'undefined'")(),
  borrowed: () => [].map.constructor("return typeof process !== 'undefined'")(),
  // Buffers are new, and end where they end.
  memory: () => [64, 4096, 1 << 18].some((size) => isDirty(new Uint8Array(size))),
  beyond: () => {
    const bytes = new Uint8Array(64);
    const sees = (at: number): boolean => bytes[at] !== undefined;
    return sees(-1) || sees(64) || sees(2 ** 32) || sees(-(2 ** 31)) || new DataView(bytes.buffer).getUint8(64) >= 0;
  },
  longer: () => new Uint8Array(new ArrayBuffer(64), 0, 65).length > 0,
  taken: () => {
    const left = writtenWhileItGoes();
    return left !== undefined && left !== 7;
  },
  // Two readings of a clock with work between them.
  clock: () => {
    const began = Date.now();
    for (let turn = 0, sum = 0; turn < 300_000; turn++) sum += turn;
    return Date.now() !== began;
  },
};

export const { describe, answer } = agent({
  name: "reaches",
  version: "0.1.0",
  languages: ["fr-FR"],
  answer(call) {
    const name = call.setting("try") ?? "";
    if (name === "chance") {
      log.info(`chance: ${Math.random()} ${Math.random()}`);
      return "done";
    }
    try {
      const attempt = attempts[name];
      if (attempt === undefined) return { failed: `there is no attempt ${name}` };
      if (attempt()) return { failed: `ESCAPED by ${name}` };
      log.info(`${name}: nothing`);
    } catch (refused) {
      // Whatever it is, it is no success.
      log.info(`${name}: ${refused instanceof Error ? refused.name : typeof refused}`);
    }
    return "done";
  },
});
