/** The picture of a track: sections, waveform, notes and chords over one stretch of time, with what sounds lit. */

import * as api from "../api.js";
import { h, icon, iconButton } from "../dom.js";
import { clock, t, word } from "../language.js";
import { peaksOfTrack, samplesOf, spectrumOf } from "../sound/decode.js";
import { readMidi } from "../sound/midi.js";

const NEAREST_S = 4;
const KNOWN_ROLES = new Set(["lead", "counter", "chords", "pad", "bass", "drums", "percussion", "arpeggio", "texture"]);

/** Colour of a part by its role. */
export const colourOf = (role) => `--role-${KNOWN_ROLES.has(role) ? role : "other"}`;

export class Picture {
  constructor(player) {
    this.player = player;
    this.colours = new Map();
    this.sections = h("div", { class: "sections", role: "group", label: "listen.part" });
    this.wave = h("canvas", { class: "wave", "aria-hidden": "true" });
    this.roll = h("canvas", { class: "roll", "aria-hidden": "true" });
    this.chords = h("canvas", { class: "chords", "aria-hidden": "true" });
    this.spectrum = h("canvas", { class: "spectrum", "aria-hidden": "true", hidden: true });
    this.head = h("div", { class: "head" });
    this.seek = h("input", { type: "range", class: "seek", min: 0, max: 1, step: 0.01, value: 0, label: "listen.position", on: { input: () => player.seek(Number(this.seek.value)) } });
    // The slider is for keys; a pointer means a place in what is shown, which may be a part of the whole.
    this.seek.style.pointerEvents = "none";
    this.stretch = h("div", { class: "stretch" }, this.sections, h("div", { class: "wave-box" }, this.wave, this.seek), this.roll, this.chords, this.spectrum, this.head);
    this.stretch.addEventListener("wheel", (event) => {
      const across = event.shiftKey ? event.deltaY : event.deltaX;
      if (!this.record || Math.abs(across) < Math.abs(event.shiftKey ? 0 : event.deltaY) || this.player.playing) return;
      event.preventDefault();
      const length = this.view.to - this.view.from;
      this.lookAt(this.view.from + (across / this.stretch.clientWidth) * length, length);
    }, { passive: false });
    for (const canvas of [this.wave, this.roll, this.spectrum, this.chords]) this.drag(canvas);
    this.legend = h("div", { class: "legend" });
    this.spectrumButton = h("button", { type: "button", class: "button small", "aria-pressed": "false", t: "listen.spectrum", on: { click: () => this.toggleSpectrum() } });
    this.wider = iconButton("minus", "listen.zoom.out", () => this.zoom(2), { class: "small" });
    this.closer = iconButton("plus", "listen.zoom.in", () => this.zoom(0.5), { class: "small" });
    this.now = h("div", { class: "now-line num" });
    this.element = h("div", { class: "picture" },
      h("div", { class: "picture-tools" }, this.legend, this.spectrumButton, this.wider, this.closer), this.stretch, this.now);
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.stretch);
    this.onTick = () => this.tick();
    this.onChange = () => { this.showSections(); if (this.record && this.element.isConnected) this.paint(); };
    this.onTheme = () => { this.colours.clear(); this.draw(); };
    player.addEventListener("tick", this.onTick);
    player.addEventListener("change", this.onChange);
    document.addEventListener("theme", this.onTheme);
    document.addEventListener("language", this.onChange);
  }

  close() {
    this.resized.disconnect();
    this.player.removeEventListener("tick", this.onTick);
    this.player.removeEventListener("change", this.onChange);
    document.removeEventListener("theme", this.onTheme);
    document.removeEventListener("language", this.onChange);
  }

  /** Show a finished track; what takes longer appears when it is there. */
  async show(record) {
    this.record = record;
    this.duration = record.duration;
    this.view = { from: 0, to: record.duration };
    this.seek.max = record.duration;
    this.roles = new Map((record.plan?.ensemble ?? []).map((voice) => [voice.name, voice]));
    this.midi = null;
    const notes = record.files.mid ? api.fileBytes(record.track_id, "mid").then(readMidi).then((midi) => { this.midi = midi; }) : Promise.resolve();
    const peaks = peaksOfTrack(record).then((found) => { this.peaks = found; });
    this.roll.hidden = this.chords.hidden = !record.files.mid;
    for (const found of [notes, peaks]) {
      found.then(() => { this.base = null; this.showSections(); this.showLegend(); this.draw(); });
    }
    this.showSections();
    await Promise.allSettled([notes, peaks]);
  }

  colour(name) {
    if (!this.colours.has(name)) this.colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
    return this.colours.get(name);
  }

  get stretches() {
    const marks = this.midi?.sections.length ? this.midi.sections : this.planned();
    return marks.map(({ time, text }, i) => ({ from: time, to: Math.min(marks[i + 1]?.time ?? this.duration, this.duration), kind: text }));
  }

  /** Sections as the report tells them, for engines that write no notes. */
  planned() {
    const row = this.record.report?.find(({ what }) => what === "sections");
    return (row?.planned ?? []).map((section) => ({ time: section.start_s, text: section.kind }));
  }

  showSections() {
    if (!this.record) return;
    const { mine, player: { loop } } = this;
    const shown = this.stretches;
    this.sections.hidden = !shown.length;
    if (this.shownSections !== JSON.stringify([shown, document.documentElement.lang])) {
      this.shownSections = JSON.stringify([shown, document.documentElement.lang]);
      this.sections.replaceChildren(...shown.map(({ from, to, kind }) => h("div", { class: "section" },
        h("button", { type: "button", class: "go", "aria-label": t("listen.section", { name: word(kind), at: clock(from) }), on: { click: () => { this.player.seek(from); if (!this.player.playing) this.player.play(); } } }, word(kind)),
        h("button", { type: "button", class: "again", "aria-label": t("listen.section.loop", { name: word(kind) }), title: t("listen.section.loop", { name: word(kind) }), "aria-pressed": "false", on: { click: () => this.loopSection({ from, to, name: word(kind) }) } }, icon("loop")))));
    }
    shown.forEach(({ from, to }, i) => {
      const looped = mine && loop && Math.abs(loop.from - from) < 0.01 && Math.abs(loop.to - to) < 0.01;
      this.sections.children[i].classList.toggle("looped", Boolean(looped));
      this.sections.children[i].lastChild.setAttribute("aria-pressed", String(Boolean(looped)));
    });
    this.placeSections();
  }

  placeSections() {
    this.stretches.forEach(({ from, to }, i) => {
      const element = this.sections.children[i];
      if (!element) return;
      element.style.left = `${this.x(from) * 100}%`;
      const share = Math.max(0, this.x(to) - this.x(from));
      element.style.width = `${share * 100}%`;
      element.classList.toggle("tight", share * this.stretch.clientWidth < 76);
    });
  }

  loopSection(loop) {
    const { loop: now } = this.player;
    this.player.setLoop(now && Math.abs(now.from - loop.from) < 0.01 && Math.abs(now.to - loop.to) < 0.01 ? null : loop);
  }

  showLegend() {
    this.legend.replaceChildren(...(this.midi?.parts ?? []).map((part) => {
      const voice = this.roles.get(part.name);
      return h("span", {}, h("i", { vars: { "--colour": `var(${colourOf(voice?.role)})` } }), h("span", { t: `word:${voice?.instrument ?? part.instrument}` }));
    }));
  }

  /** Where a time lies in what is shown, 0…1 inside. */
  x(time) { return (time - this.view.from) / (this.view.to - this.view.from); }

  zoom(factor) {
    const length = Math.max(Math.min(NEAREST_S, this.duration), Math.min(this.duration, (this.view.to - this.view.from) * factor));
    const centre = this.player.time >= this.view.from && this.player.time <= this.view.to ? this.player.time : (this.view.from + this.view.to) / 2;
    this.lookAt(centre - length / 2, length);
  }

  lookAt(from, length) {
    const start = Math.max(0, Math.min(from, this.duration - length));
    this.view = { from: start, to: start + length };
    this.draw();
  }

  drag(canvas) {
    const go = (event) => {
      const { left, width } = canvas.getBoundingClientRect();
      this.player.seek(this.view.from + ((event.clientX - left) / width) * (this.view.to - this.view.from));
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !this.record) return;
      canvas.setPointerCapture(event.pointerId);
      go(event);
      canvas.onpointermove = go;
    });
    const end = () => { canvas.onpointermove = null; };
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
  }

  async toggleSpectrum() {
    this.spectrum.hidden = !this.spectrum.hidden;
    this.spectrumButton.setAttribute("aria-pressed", String(!this.spectrum.hidden));
    if (!this.spectrum.hidden && !this.image) {
      const { track_id: id } = this.record;
      const { columns, rows, values } = await spectrumOf(await samplesOf(id), Math.round(Math.min(4000, this.duration * 40)));
      if (this.record.track_id !== id) return;
      this.image = { columns, rows, values };
    }
    this.draw();
  }

  /** Everything that does not move with the playhead. */
  draw() {
    if (!this.record || !this.element.isConnected) return;
    this.wider.disabled = this.view.to - this.view.from >= this.duration - 0.01;
    this.closer.disabled = this.view.to - this.view.from <= Math.min(NEAREST_S, this.duration) + 0.01;
    this.placeSections();
    this.base = null;
    this.drawChords();
    this.drawSpectrum();
    this.paint();
  }

  /** A canvas as large as it is shown, with its pen. */
  pen(canvas) {
    const ratio = Math.min(devicePixelRatio || 1, 2);
    const { clientWidth: width, clientHeight: height } = canvas;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    return { pen, width, height };
  }

  get mine() { return this.player.track?.id === this.record.track_id; }
  get time() { return this.mine ? this.player.time : 0; }

  /** What moves, and the stretch after it where it has left it. */
  tick() {
    if (!this.record || !this.element.isConnected) return;
    const { mine, time } = this;
    const { from, to } = this.view;
    const ahead = this.player.playing ? (to - from) * 0.08 : 0;
    if (mine && to - from < this.duration - 0.01 && (time < from || (time > to - ahead && to < this.duration - 0.01))) {
      this.lookAt(time - (to - from) * 0.08, to - from);
      return;
    }
    this.paint();
  }

  paint() {
    const { time } = this;
    const x = this.x(time);
    this.head.hidden = x < 0 || x > 1;
    this.head.style.transform = `translateX(${x * this.stretch.clientWidth}px)`;
    this.seek.value = time;
    this.seek.setAttribute("aria-valuetext", `${clock(time)} / ${clock(this.duration)}`);
    this.drawWave(time);
    this.drawRoll(time);
    this.showNow(time);
  }

  drawWave(time) {
    const { pen, width, height } = this.pen(this.wave);
    if (!this.peaks || !width) return;
    const { min, max, secondsPerPeak } = this.peaks;
    const middle = height / 2;
    const bar = 3;
    const played = this.x(time) * width;
    const top = (this.loudest ??= max.reduce((a, b, i) => Math.max(a, b, -min[i]), 0.05));
    for (let x = 0; x < width; x += bar) {
      const start = Math.floor((this.view.from + (x / width) * (this.view.to - this.view.from)) / secondsPerPeak);
      const end = Math.max(start + 1, Math.floor((this.view.from + ((x + bar) / width) * (this.view.to - this.view.from)) / secondsPerPeak));
      let low = 0;
      let high = 0;
      for (let i = start; i < end && i < min.length; i += 1) { if (min[i] < low) low = min[i]; if (max[i] > high) high = max[i]; }
      const up = Math.max(0.75, (high / top) * (middle - 6));
      const down = Math.max(0.75, (-low / top) * (middle - 6));
      pen.fillStyle = x + bar <= played ? this.colour("--accent") : this.colour("--line-2");
      pen.fillRect(x, middle - up, bar - 1, up + down);
    }
  }

  drawRoll(time) {
    if (this.roll.hidden) return;
    const { pen, width, height } = this.pen(this.roll);
    if (!this.midi || !width) return;
    const { pitched, low, high } = this.range();
    const drumsHeight = this.midi.parts.some((part) => part.drums) ? 30 : 0;
    const rowHeight = (height - drumsHeight - 12) / (high - low + 1);
    const { from, to } = this.view;
    const scale = width / (to - from);
    pen.fillStyle = this.colour("--line");
    const every = this.midi.bars.length && scale * ((this.midi.bars.at(-1) - this.midi.bars[0]) / Math.max(1, this.midi.bars.length - 1)) < 10 ? 4 : 1;
    this.midi.bars.forEach((bar, i) => { if (i % every === 0 && bar >= from && bar <= to) pen.fillRect(Math.round((bar - from) * scale), 0, 1, height); });
    const heard = this.mine && (this.player.playing || time > 0);
    for (const part of this.midi.parts) {
      pen.fillStyle = this.colour(colourOf(this.roles.get(part.name)?.role));
      for (const note of part.notes) {
        if (note.start > to) break;
        if (note.end < from && !part.drums) continue;
        const sounding = heard && note.start <= time && (part.drums ? time < note.start + 0.12 : time < note.end);
        pen.globalAlpha = sounding ? 1 : 0.42 + 0.2 * (note.velocity / 127);
        const x = (note.start - from) * scale;
        if (part.drums) {
          const row = note.pitch <= 36 ? 2 : note.pitch <= 41 ? 1 : 0;
          const size = sounding ? 7 : 3.5;
          pen.fillRect(x, height - drumsHeight + row * 9 + 3 - (size - 3.5) / 2, Math.max(2, size / 2), size);
        } else {
          const grown = sounding ? 1.5 : 0;
          pen.fillRect(x, 6 + (high - note.pitch) * rowHeight - grown / 2, Math.max(1.5, (note.end - note.start) * scale - 1), Math.max(2, rowHeight - 0.5) + grown);
        }
      }
    }
    pen.globalAlpha = 1;
    return pitched;
  }

  range() {
    if (this.ranged?.midi !== this.midi) {
      const pitched = this.midi.parts.filter((part) => !part.drums).flatMap((part) => part.notes.map((note) => note.pitch));
      const low = pitched.reduce((a, b) => Math.min(a, b), 127);
      const high = pitched.reduce((a, b) => Math.max(a, b), 0);
      this.ranged = pitched.length ? { midi: this.midi, pitched, low: low - 1, high: high + 1 } : { midi: this.midi, pitched, low: 48, high: 72 };
    }
    return this.ranged;
  }

  drawChords() {
    if (this.chords.hidden) return;
    const { pen, width, height } = this.pen(this.chords);
    if (!this.midi || !width) return;
    pen.font = `500 12px ${getComputedStyle(document.body).fontFamily}`;
    pen.textBaseline = "middle";
    let free = -Infinity;
    for (const { time, text } of this.midi.chords) {
      const x = this.x(time) * width + 5;
      if (x < free || x > width || x < 0) continue;
      pen.fillStyle = this.colour("--ink-2");
      pen.fillText(text, x, height / 2 + 1);
      pen.fillStyle = this.colour("--line-2");
      pen.fillRect(x - 5, 8, 1, height - 16);
      free = x + pen.measureText(text).width + 10;
    }
  }

  drawSpectrum() {
    if (this.spectrum.hidden) return;
    const { pen, width, height } = this.pen(this.spectrum);
    if (!this.image || !width) return;
    const { columns, rows, values } = this.image;
    const from = Math.floor((this.view.from / this.duration) * columns);
    const count = Math.max(1, Math.ceil(((this.view.to - this.view.from) / this.duration) * columns));
    const picture = new ImageData(count, rows);
    const [back, front] = [this.colour("--raised"), this.colour("--accent")].map(channels);
    const ink = channels(this.colour("--ink"));
    for (let column = 0; column < count; column += 1) {
      for (let row = 0; row < rows; row += 1) {
        const value = values[Math.min(columns - 1, from + column) * rows + row];
        const at = ((rows - 1 - row) * count + column) * 4;
        for (let i = 0; i < 3; i += 1) picture.data[at + i] = value < 0.6 ? back[i] + (front[i] - back[i]) * (value / 0.6) : front[i] + (ink[i] - front[i]) * ((value - 0.6) / 0.4);
        picture.data[at + 3] = 255;
      }
    }
    const small = new OffscreenCanvas(count, rows);
    small.getContext("2d").putImageData(picture, 0, 0);
    pen.imageSmoothingEnabled = true;
    pen.drawImage(small, 0, 0, width, height);
  }

  showNow(time) {
    const section = this.stretches.findLastIndex?.(({ from }) => from <= time + 1e-3) ?? -1;
    [...this.sections.children].forEach((element, i) => element.classList.toggle("now", i === section));
    if (!this.midi) { this.now.replaceChildren(); return; }
    const bar = this.midi.bars.findLastIndex((at) => at <= time + 1e-3);
    const chord = this.midi.chords.findLast((entry) => entry.time <= time + 1e-3)?.text ?? "";
    const told = `${section}/${bar}/${chord}/${document.documentElement.lang}`;
    if (this.told === told && this.now.firstChild) return;
    this.told = told;
    const fact = (key, value) => h("span", {}, h("span", { t: key }), " ", h("b", {}, value));
    this.now.replaceChildren(
      ...(section >= 0 ? [fact("listen.part", word(this.stretches[section].kind))] : []),
      fact("listen.bar", `${bar + 1} / ${this.midi.bars.length}`), fact("listen.chord", chord));
  }
}

function channels(colour) {
  const [r, g, b] = colour.match(/[0-9a-f]{2}/gi).map((pair) => parseInt(pair, 16));
  return [r, g, b];
}
