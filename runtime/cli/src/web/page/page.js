// A telephone in a page: microphone and loudspeaker here, the carrier's side in the command that serves it.

const at = (id) => document.getElementById(id);
const [callButton, hangUpButton, state, transcript] = ["call", "hang-up", "state", "transcript"].map(at);
let line = null;

for (const key of "123456789*0#") {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = key;
  button.disabled = true;
  button.addEventListener("click", () => press(key));
  at("keys").append(button);
}
document.addEventListener("keydown", (event) => {
  if (!event.repeat && !event.ctrlKey && !event.metaKey && !event.altKey && "0123456789*#".includes(event.key)) press(event.key);
});
callButton.addEventListener("click", () => call().catch((error) => over(error.message)));
hangUpButton.addEventListener("click", () => line?.socket.send(JSON.stringify({ does: "hang-up" })));

function press(key) {
  if (line) line.socket.send(JSON.stringify({ does: "key", key }));
}

function tell(who, text, title) {
  const item = document.createElement("li");
  item.className = who;
  item.textContent = text;
  if (title) item.title = title;
  transcript.append(item);
  item.scrollIntoView({ block: "nearest" });
  return item;
}

/** A level that falls slowly, and the highest there was. */
function level(id, peak) {
  const meter = at(id);
  meter.value = Math.max(peak, meter.value * 0.85);
  meter.dataset.peak = String(Math.max(peak, Number(meter.dataset.peak ?? 0)));
}

function busy(is) {
  callButton.disabled = is;
  for (const button of [hangUpButton, ...at("keys").children]) button.disabled = !is;
}

async function call() {
  if (line) return;
  busy(true);
  transcript.replaceChildren();
  state.textContent = "The microphone is asked for…";
  const microphone = await navigator.mediaDevices.getUserMedia({
    audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  });
  const sound = new AudioContext({ latencyHint: "interactive" });
  await sound.audioWorklet.addModule("sound.js");
  const mouth = new AudioWorkletNode(sound, "mouth", { numberOfOutputs: 0 });
  const ear = new AudioWorkletNode(sound, "ear", { numberOfInputs: 0, outputChannelCount: [1] });
  sound.createMediaStreamSource(microphone).connect(mouth);
  ear.connect(sound.destination);
  const address = new URL("call", location.href);
  address.protocol = "ws:";
  const socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  line = { socket, sound, microphone, ear, last: null };
  mouth.port.onmessage = ({ data }) => {
    level("you", data.peak);
    if (socket.readyState === WebSocket.OPEN) socket.send(data.frame);
  };
  ear.port.onmessage = ({ data }) => level("them", data);
  state.textContent = "Ringing…";
  socket.onmessage = ({ data }) => {
    if (typeof data === "string") happened(JSON.parse(data));
    else ear.port.postMessage(new Uint8Array(data));
  };
  socket.onclose = ({ reason }) => over(reason || "The call is over.");
}

function over(why) {
  if (line) {
    line.socket.onclose = null;
    line.socket.close();
    for (const track of line.microphone.getTracks()) track.stop();
    line.sound.close();
  }
  line = null;
  busy(false);
  state.textContent = why;
}

const handlers = {
  answered: ({ agent }) => {
    at("agent").textContent = agent;
    state.textContent = "On the line.";
  },
  saying: ({ text }) => { line.last = tell("agent", text); },
  cleared: () => line.ear.port.postMessage("clear"),
  agent: ({ text, heard, whole }) => {
    if (whole) return;
    const item = line.last ?? tell("agent", text);
    const unheard = document.createElement("span");
    unheard.className = "unheard";
    unheard.textContent = text.startsWith(heard) ? text.slice(heard.length) : "";
    item.textContent = heard;
    item.classList.add("cut");
    item.append(unheard);
    item.title = "cut short: what is pale was not heard";
  },
  caller: ({ text, confidence, over_agent: into }) => {
    const said = tell("caller", text || "…", `confidence ${confidence.toFixed(2)}${into ? ", into the agent's speech" : ""}`);
    if (confidence < 0.5) said.classList.add("low");
  },
  keys: ({ keys }) => tell("caller", `[${keys}]`),
  silence: ({ ms }) => tell("host", `silent for ${(ms / 1000).toFixed(1)} s`),
  lost: ({ what, why }) => tell("host", `${what}: not heard, ${why}`),
  hung_up: () => tell("host", "you hung up"),
  host: ({ import: name, answer }) => tell("host", `${name}: ${answer}`),
  carrier: ({ text }) => tell("host", text),
  over: ({ outcome, report }) => {
    tell("host", `ended: ${outcome}`);
    for (const field of report) tell("host", field);
    over("The call is over.");
  },
};

function happened(event) {
  handlers[event.kind]?.(event);
}
