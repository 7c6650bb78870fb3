/** From files to samples, and from samples to pictures' numbers. */

import * as api from "../api.js";

let context = null;

/** The one context that sounds; browsers let it start only after a click. */
export function sounding() {
  context ??= new AudioContext({ sampleRate: 44100, latencyHint: "interactive" });
  return context;
}

/** Samples of a file's bytes; needs no click. */
export function decode(bytes) {
  return new OfflineAudioContext(2, 1, 44100).decodeAudioData(bytes);
}

const decoded = new Map();

/** The whole track as samples, fetched and decoded once; only the last few are held. */
export function samplesOf(id) {
  if (!decoded.has(id)) {
    const promise = api.fileBytes(id, "mp3").then(decode);
    promise.catch(() => decoded.delete(id));
    decoded.set(id, promise);
    if (decoded.size > 2) decoded.delete(decoded.keys().next().value);
  }
  return decoded.get(id);
}

/** Lowest and highest sample of each stretch of `step` frames over all channels, −1…1. */
export function peaksOf(buffer, step = 256) {
  const count = Math.ceil(buffer.length / step);
  const min = new Float32Array(count);
  const max = new Float32Array(count);
  for (let channel = 0; channel < buffer.numberOfChannels; channel += 1) {
    const samples = buffer.getChannelData(channel);
    for (let i = 0; i < count; i += 1) {
      const end = Math.min((i + 1) * step, samples.length);
      for (let j = i * step; j < end; j += 1) {
        if (samples[j] < min[i]) min[i] = samples[j];
        if (samples[j] > max[i]) max[i] = samples[j];
      }
    }
  }
  return { min, max, secondsPerPeak: step / buffer.sampleRate };
}

/** Peaks of a track: the server's where it draws them, else from the sound itself. */
export async function peaksOfTrack(record) {
  if (record.files["waveform.json"]) {
    const drawn = await api.fileJson(record.track_id, "waveform.json");
    const level = drawn.levels[0];
    const scaled = (values) => Float32Array.from(values, (value) => value / 127);
    return { min: scaled(level.min), max: scaled(level.max), secondsPerPeak: level.frames_per_peak / drawn.sample_rate };
  }
  return peaksOf(await samplesOf(record.track_id));
}

const FFT = 2048;
const ROWS = 96;
const LOW_HZ = 50;
const HIGH_HZ = 16000;

/** Loudness by time and pitch, as `columns` × ROWS values 0…1, low pitches first. Yields to the page now and then. */
export async function spectrumOf(buffer, columns) {
  const samples = mono(buffer);
  const window = Float32Array.from({ length: FFT }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / FFT));
  const edges = Array.from({ length: ROWS + 1 }, (_, i) => (LOW_HZ * (HIGH_HZ / LOW_HZ) ** (i / ROWS) * FFT) / buffer.sampleRate);
  const values = new Float32Array(columns * ROWS);
  const real = new Float32Array(FFT);
  const imaginary = new Float32Array(FFT);
  for (let column = 0; column < columns; column += 1) {
    const start = Math.round((column / columns) * Math.max(0, samples.length - FFT));
    for (let i = 0; i < FFT; i += 1) real[i] = (samples[start + i] ?? 0) * window[i];
    imaginary.fill(0);
    transform(real, imaginary);
    for (let row = 0; row < ROWS; row += 1) {
      const from = Math.floor(edges[row]);
      const to = Math.max(from + 1, Math.floor(edges[row + 1]));
      let power = 0;
      for (let bin = from; bin < to; bin += 1) power = Math.max(power, real[bin] ** 2 + imaginary[bin] ** 2);
      const decibels = 10 * Math.log10(power / (FFT * FFT / 16) + 1e-12);
      values[column * ROWS + row] = Math.max(0, Math.min(1, (decibels + 84) / 78));
    }
    if (column % 200 === 199) await new Promise((resolve) => { setTimeout(resolve); });
  }
  return { columns, rows: ROWS, values };
}

function mono(buffer) {
  const left = buffer.getChannelData(0);
  if (buffer.numberOfChannels === 1) return left;
  const right = buffer.getChannelData(1);
  return left.map((sample, i) => (sample + right[i]) / 2);
}

/** The fast Fourier transform (Cooley and Tukey), in place. */
function transform(real, imaginary) {
  const n = real.length;
  for (let i = 1, j = 0; i < n; i += 1) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j], real[i]];
      [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
    }
  }
  for (let size = 2; size <= n; size <<= 1) {
    const angle = (-2 * Math.PI) / size;
    for (let k = 0; k < size / 2; k += 1) {
      const cosine = Math.cos(angle * k);
      const sine = Math.sin(angle * k);
      for (let i = k; i < n; i += size) {
        const j = i + size / 2;
        const a = real[j] * cosine - imaginary[j] * sine;
        const b = real[j] * sine + imaginary[j] * cosine;
        real[j] = real[i] - a;
        imaginary[j] = imaginary[i] - b;
        real[i] += a;
        imaginary[i] += b;
      }
    }
  }
}
