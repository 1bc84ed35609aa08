// Two processors between a browser's sound and a telephone's: 8 kHz, G.711 µ-law, 160 bytes for 20 ms.

const TELEPHONE = 8000;
const FRAME = 160;
/** Highest frequency a telephone carries, in Hz. */
const BAND = 3600;

// ITU-T G.711, µ-law.
const BIAS = 0x84;
function toUlaw(sample) {
  const sign = sample < 0 ? 0x80 : 0;
  const size = Math.min(32635, Math.abs(sample)) + BIAS;
  const exponent = 31 - Math.clz32(size) - 7;
  return ~(sign | (exponent << 4) | ((size >> (exponent + 3)) & 0x0f)) & 0xff;
}
const FROM_ULAW = Float32Array.from({ length: 256 }, (_, byte) => {
  const code = ~byte & 0xff;
  const size = ((((code & 0x0f) << 3) + BIAS) << ((code >> 4) & 0x07)) - BIAS;
  return (code & 0x80 ? -size : size) / 32768;
});

/** A low-pass of `band` cycles per sample, looked up between its points. */
class Kernel {
  constructor(band, half) {
    this.half = half;
    this.fine = 64;
    this.points = Float32Array.from({ length: half * this.fine + 2 }, (_, n) => {
      const x = n / this.fine;
      if (x >= half) return 0;
      const sinc = x === 0 ? 2 * band : Math.sin(2 * Math.PI * band * x) / (Math.PI * x);
      // Blackman's window.
      return sinc * (0.42 + 0.5 * Math.cos(Math.PI * x / half) + 0.08 * Math.cos(2 * Math.PI * x / half));
    });
  }
  at(x) {
    const place = Math.abs(x) * this.fine;
    const whole = Math.floor(place);
    return this.points[whole] + (this.points[whole + 1] - this.points[whole]) * (place - whole);
  }
}

/** From one rate to another, sample by sample. */
class Resampler {
  constructor(from, to) {
    this.step = from / to;
    const half = Math.ceil(12 * Math.max(1, this.step));
    this.kernel = new Kernel(BAND / from, half);
    this.past = new Float32Array(2 * half + 2);
    this.filled = 0;
    /** Where the next sample stands, counted from the beginning of `past`. */
    this.next = half;
  }
  /** Takes samples, and hands each new one to `out`. */
  push(samples, out) {
    const { half } = this.kernel;
    for (const sample of samples) {
      if (this.filled === this.past.length) {
        this.past.copyWithin(0, 1);
        this.filled -= 1;
        this.next -= 1;
      }
      this.past[this.filled++] = sample;
      while (this.next + half < this.filled) {
        const middle = this.next;
        let sum = 0;
        for (let n = Math.max(0, Math.ceil(middle - half)); n <= middle + half; n += 1) sum += this.past[n] * this.kernel.at(n - middle);
        out(sum);
        this.next += this.step;
      }
    }
  }
}

/** The microphone: posts frames of µ-law, each with its peak. */
class Mouth extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(sampleRate, TELEPHONE);
    this.frame = new Uint8Array(FRAME);
    this.filled = 0;
    this.peak = 0;
  }
  process([input]) {
    if (input.length === 0) return true;
    this.resampler.push(input[0], (sample) => {
      this.peak = Math.max(this.peak, Math.abs(sample));
      this.frame[this.filled++] = toUlaw(Math.round(Math.max(-1, Math.min(1, sample)) * 32767));
      if (this.filled === FRAME) {
        this.port.postMessage({ frame: this.frame, peak: this.peak });
        this.frame = new Uint8Array(FRAME);
        this.filled = 0;
        this.peak = 0;
      }
    });
    return true;
  }
}

/** The loudspeaker: plays frames as they come, 60 ms later, so that late ones are heard. */
class Ear extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(TELEPHONE, sampleRate);
    this.waiting = [];
    this.samples = [];
    this.playing = false;
    this.port.onmessage = ({ data }) => {
      if (data === "clear") this.waiting = [];
      else {
        this.waiting.push(data);
        // More than 400 ms late is too late.
        if (this.waiting.length > 20) this.waiting.shift();
      }
    };
  }
  process(_, [output]) {
    const out = output[0];
    if (!this.playing && this.waiting.length >= 3) this.playing = true;
    while (this.playing && this.samples.length < out.length) {
      const frame = this.waiting.shift();
      if (!frame) {
        this.playing = false;
        break;
      }
      let peak = 0;
      this.resampler.push(Array.from(frame, (byte) => FROM_ULAW[byte]), (sample) => {
        peak = Math.max(peak, Math.abs(sample));
        this.samples.push(sample);
      });
      this.port.postMessage(peak);
    }
    const ready = this.samples.splice(0, out.length);
    ready.forEach((sample, n) => { out[n] = sample; });
    for (const channel of output.slice(1)) channel.set(out);
    return true;
  }
}

registerProcessor("mouth", Mouth);
registerProcessor("ear", Ear);
