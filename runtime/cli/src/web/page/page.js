// A telephone in a page: microphone and loudspeaker here, the carrier's side in the command that serves it.

const at = (id) => document.getElementById(id);
const [callButton, hangUpButton, state, transcript] = ["call", "hang-up", "state", "transcript"].map(at);
/** The call of this page, from the first touch of the button until it is over. */
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
callButton.addEventListener("click", () => call());
hangUpButton.addEventListener("click", hangUp);
// Whoever leaves the page leaves no microphone on.
addEventListener("pagehide", () => over("The call is over."));

/** Whether it reached the other side: before there is one, and after, there is nobody to tell. */
function does(what) {
  if (line?.socket?.readyState !== WebSocket.OPEN) return false;
  line.socket.send(JSON.stringify(what));
  return true;
}

function press(key) {
  does({ does: "key", key });
}

/** The agent hears of it and comes to its end; a call that nobody has answered yet is just given up. */
function hangUp() {
  if (line && !does({ does: "hang-up" })) over("The call is over.");
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
  const mine = { socket: null, sound: null, microphone: null, ear: null, last: null };
  line = mine;
  busy(true);
  transcript.replaceChildren();
  state.textContent = "The microphone is asked for…";
  try {
    await connect(mine);
  } catch (error) {
    if (line === mine) over(error.message);
    else release(mine);
  }
}

async function connect(mine) {
  mine.microphone = await navigator.mediaDevices.getUserMedia({
    audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  });
  mine.sound = new AudioContext({ latencyHint: "interactive" });
  await mine.sound.audioWorklet.addModule("sound.js");
  // Whoever hung up meanwhile does not call any more.
  if (line !== mine) return release(mine);
  const mouth = new AudioWorkletNode(mine.sound, "mouth", { numberOfOutputs: 0 });
  const ear = new AudioWorkletNode(mine.sound, "ear", { numberOfInputs: 0, outputChannelCount: [1] });
  mine.ear = ear;
  mine.sound.createMediaStreamSource(mine.microphone).connect(mouth);
  ear.connect(mine.sound.destination);
  const address = new URL("call", location.href);
  address.protocol = "ws:";
  const socket = new WebSocket(address);
  mine.socket = socket;
  socket.binaryType = "arraybuffer";
  mouth.port.onmessage = ({ data }) => {
    level("you", data.peak);
    if (socket.readyState === WebSocket.OPEN) socket.send(data.frame);
  };
  ear.port.onmessage = ({ data }) => level("them", data);
  state.textContent = "Ringing…";
  let answered = false;
  socket.onopen = () => { answered = true; };
  socket.onmessage = ({ data }) => {
    if (line !== mine) return;
    if (typeof data === "string") happened(JSON.parse(data));
    else ear.port.postMessage(new Uint8Array(data));
  };
  socket.onclose = async ({ reason }) => {
    const why = reason || (answered ? "The call is over." : await refused());
    if (line === mine) over(why);
  };
}

/** Why a socket was refused: a browser does not say, so it is asked for without one. */
async function refused() {
  try {
    const answer = await fetch("call", { cache: "no-store" });
    if (answer.status === 409) return (await answer.text()).trim();
  } catch {
    // Nobody is there.
  }
  return "Nobody answers: is the command still running?";
}

/** Gives back the microphone and the loudspeaker, whatever there is of them. */
function release({ socket, sound, microphone }) {
  if (socket) {
    socket.onclose = null;
    socket.close();
  }
  for (const track of microphone?.getTracks() ?? []) track.stop();
  if (sound && sound.state !== "closed") sound.close();
}

function over(why) {
  if (line) release(line);
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
  noted: ({ level, text }) => tell("host", `log, ${level}: ${text}`),
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
