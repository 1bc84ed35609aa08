import { type Level, write } from "./log.js";

/** Whether a call is being answered: until then a component is built, and a note would go nowhere. */
let answering = false;

const to =
  (level: Level) =>
  (...data: unknown[]): void => {
    if (!answering) {
      throw new Error(
        "nothing can be printed at the top level of a file: that runs when the component is built, and notes go to a call's journal. Print in `answer`",
      );
    }
    write(level, data.map(shown).join(" "));
  };

const printer = { debug: to("debug"), trace: to("debug"), log: to("info"), info: to("info"), warn: to("warn"), error: to("error") };

// There from the beginning: a library may keep one of these functions when it is loaded, and call it later.
put();

/** From here on what is printed goes to the call's journal: a component has no standard output. */
export function printed(): void {
  answering = true;
  put();
}

function put(): void {
  (globalThis as { console?: unknown }).console = printer;
}

function shown(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // What goes in a circle, and what JSON has no word for.
    try {
      return String(value);
    } catch {
      // What has no word for itself either, such as an object without a prototype.
      return Object.prototype.toString.call(value);
    }
  }
}
