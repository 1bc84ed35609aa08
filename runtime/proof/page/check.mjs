// Runs the built page's own module on a proof file, as a browser would: node check.mjs verifier.html FILE
// It must accept the file, and refuse it with any one byte changed.
import { readFileSync } from "node:fs";
import { argv, exit } from "node:process";

const page = readFileSync(argv[2], "utf8");
const module = Buffer.from(page.match(/const MODULE = "([A-Za-z0-9+/=]+)";/)[1], "base64");
const { exports: wasm } = (await WebAssembly.instantiate(module, {})).instance;

function check(file) {
  const input = Buffer.concat([Buffer.from("\n\n"), file]);
  // Memory may grow, and be another buffer then, with every call.
  const room = wasm.input(input.length);
  new Uint8Array(wasm.memory.buffer, room, input.length).set(input);
  const length = wasm.check();
  const answer = wasm.answer();
  return JSON.parse(Buffer.from(wasm.memory.buffer, answer, length).toString());
}

const good = readFileSync(argv[3]);
const found = check(good);
if (!found.sound || !found.complete) {
  console.error("the page refuses a good file:", found.problem);
  exit(1);
}
const step = Math.max(1, Math.floor(good.length / 200));
for (let place = 0; place < good.length; place += step) {
  const bad = Buffer.from(good);
  bad[place] ^= 1;
  if (check(bad).sound) {
    console.error(`the page accepts a file whose byte ${place} was changed`);
    exit(1);
  }
}
console.log(`the page accepts ${argv[3]} (${found.records.length} records) and refuses it altered`);
