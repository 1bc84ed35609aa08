import { type Level, write } from "./log.js";

/** From here on what is printed goes to the call's journal: a component has no standard output. */
export function printed(): void {
  const to = (level: Level) => (...data: unknown[]): void => write(level, data.map(shown).join(" "));
  const console = { debug: to("debug"), trace: to("debug"), log: to("info"), info: to("info"), warn: to("warn"), error: to("error") };
  (globalThis as { console?: unknown }).console = console;
}

function shown(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // What goes in a circle, and what JSON has no word for.
    return String(value);
  }
}
