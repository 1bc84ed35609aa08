/** Where each line of the bundle came from, as `parloir build` appends it. */
interface Lines {
  sources: string[];
  /** For each line `source:line`; a source that is the line before's is left out. */
  lines: string;
}

const LINE = /^\s*at (.*?)\s*\(?[^\s()]*?:(\d+)(?::\d+)?\)?\s*$/;

/** A stack in the author's own files and lines, innermost first. */
export function place(stack: string): string {
  const origins = read((globalThis as { __parloirLines?: Lines }).__parloirLines);
  const places = stack.split("\n").flatMap((frame) => {
    const [, name, line] = LINE.exec(frame) ?? [];
    const origin = line === undefined ? undefined : origins[Number(line) - 1];
    return origin === undefined ? [] : [`  at ${name ? `${name} ` : ""}(${origin})`];
  });
  return places.slice(0, 8).join("\n");
}

function read(map: Lines | undefined): (string | undefined)[] {
  if (map === undefined) return [];
  let source: string | undefined;
  return map.lines.split(";").map((written) => {
    if (written === "") return undefined;
    const colon = written.indexOf(":");
    if (colon >= 0) source = map.sources[Number(written.slice(0, colon))];
    return `${source ?? "?"}:${written.slice(colon + 1)}`;
  });
}
