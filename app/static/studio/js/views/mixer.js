/** The stems as channels: mute, solo, level and meter, all playing from the same sample. */

import * as api from "../api.js";
import { h, slider } from "../dom.js";
import { t, word } from "../language.js";
import { decode } from "../sound/decode.js";
import { readZip } from "../sound/zip.js";
import { colourOf } from "./picture.js";

const LOWEST_DB = -48;
const HIGHEST_DB = 6;
const FALL_DB_PER_S = 30;

const amplitude = (decibels) => (decibels <= LOWEST_DB ? 0 : 10 ** (decibels / 20));
const decibels = (gain) => (gain > 0 ? 20 * Math.log10(gain) : -Infinity);
/** Where a level stands on a meter, 0…1. */
const share = (level) => Math.max(0, Math.min(1, (level - LOWEST_DB) / (HIGHEST_DB - LOWEST_DB)));

export class Mixer {
  constructor(player, record) {
    Object.assign(this, { player, record, strips: [], closed: false });
    this.note = h("p", { class: "mixer-note", role: "status", t: "mix.loading" });
    this.reset = h("button", { type: "button", class: "button small", disabled: true, t: "mix.reset", on: { click: () => this.toUnity() } });
    this.board = h("div", { class: "board", role: "group", label: "tab.mix" });
    this.element = h("div", { class: "mixer" }, h("div", { class: "mixer-head" }, this.note, this.reset), this.board);
    this.onTick = () => this.showMeters();
    player.addEventListener("tick", this.onTick);
  }

  /** Fetch the stems, decode them, and let them play in the file's place. */
  async shown() {
    this.abort = new AbortController();
    try {
      const entries = readZip(await api.fileBytes(this.record.track_id, "stems.zip", this.abort.signal));
      const sheet = JSON.parse(new TextDecoder().decode(await entries.get("mix.json")()));
      const channels = [];
      for (const stem of sheet.stems) {
        this.note.textContent = t("mix.decoding", { name: word(stem.instrument) });
        channels.push({ name: stem.voice, stem, buffer: await decode(await entries.get(stem.file)()) });
        if (this.closed) return;
      }
      this.gain = 1 / (sheet.gain || 1);
      this.deck = this.player.useDeck(channels, "stems");
      this.build(channels);
      // Before mastering: the mix is quieter than the master it is compared with.
      this.note.dataset.t = "mix.note";
      this.note.textContent = t("mix.note");
    } catch (problem) {
      if (this.closed || problem.name === "AbortError") return;
      this.note.dataset.t = "mix.failed";
      this.note.textContent = t("mix.failed");
      this.note.title = problem.message;
      this.element.querySelector(".mixer-head").append(h("button", { type: "button", class: "button small", t: "retry", on: { click: (event) => { event.target.remove(); this.shown(); } } }));
    }
  }

  build(channels) {
    this.reset.disabled = false;
    this.strips = channels.map(({ stem }, i) => {
      const name = word(stem.instrument);
      const strip = { level: 0, mute: false, solo: false, held: LOWEST_DB };
      const toggle = (key, letter) => h("button", { type: "button", class: `toggle ${key}`, "aria-pressed": "false", "aria-label": t(`mix.${key}`, { name }), title: t(`mix.${key}`, { name }), on: { click: () => { strip[key] = !strip[key]; this.apply(); } } }, letter);
      strip.muteButton = toggle("mute", "M");
      strip.soloButton = toggle("solo", "S");
      strip.fader = slider({ min: LOWEST_DB, max: HIGHEST_DB, step: 0.5, value: 0, "aria-label": t("mix.level", { name }), on: { input: () => { strip.level = Number(strip.fader.value); this.apply(); }, dblclick: () => { strip.level = 0; this.apply(); } } });
      strip.text = h("output", { class: "num" });
      strip.meter = h("i", {});
      strip.row = h("div", { class: "strip", "data-voice": stem.voice, vars: { "--colour": `var(${colourOf(stem.role)})` } },
        h("div", { class: "strip-name" }, h("b", {}, name), h("small", { t: `word:${stem.role}` })),
        h("div", { class: "strip-buttons" }, strip.muteButton, strip.soloButton),
        h("div", { class: "strip-level" }, h("div", { class: "meter", "aria-hidden": "true" }, strip.meter), strip.fader),
        strip.text);
      strip.index = i;
      return strip;
    });
    this.board.replaceChildren(...this.strips.map(({ row }) => row));
    this.apply();
  }

  /** Levels as the buttons and faders say: a solo silences all that have none. */
  apply() {
    const anySolo = this.strips.some(({ solo }) => solo);
    for (const strip of this.strips) {
      const heard = !strip.mute && (!anySolo || strip.solo);
      this.deck.setGain(strip.index, heard ? amplitude(strip.level) * this.gain : 0);
      strip.muteButton.setAttribute("aria-pressed", String(strip.mute));
      strip.soloButton.setAttribute("aria-pressed", String(strip.solo));
      strip.row.classList.toggle("silent", !heard);
      strip.fader.set(strip.level);
      strip.fader.setAttribute("aria-valuetext", `${strip.level} dB`);
      strip.text.textContent = strip.level <= LOWEST_DB ? "−∞" : `${strip.level > 0 ? "+" : ""}${strip.level.toFixed(1).replace("-", "−")} dB`;
    }
  }

  toUnity() {
    for (const strip of this.strips) Object.assign(strip, { level: 0, mute: false, solo: false });
    this.apply();
  }

  showMeters() {
    const now = performance.now();
    const passed = Math.min(0.1, (now - (this.last ?? now)) / 1000);
    this.last = now;
    for (const strip of this.strips) {
      const level = decibels(this.deck.peak(strip.index));
      strip.held = Math.max(level, strip.held - FALL_DB_PER_S * passed, LOWEST_DB);
      if (!this.player.playing) strip.held = LOWEST_DB;
      strip.meter.style.transform = `scaleX(${share(strip.held)})`;
    }
  }

  close() {
    this.closed = true;
    this.abort?.abort();
    this.player.removeEventListener("tick", this.onTick);
    if (this.deck && this.player.deck === this.deck) {
      if (this.player.loop) this.player.setLoop(this.player.loop, true);
      else this.player.dropDeck(true);
    }
  }
}
