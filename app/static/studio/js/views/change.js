/** The same, but: another take, another tempo or key, other players, other sections; and the takes side by side. */

import * as api from "../api.js";
import { barSeconds, fits, lengthOf, ready, withForm, withInstrument, withKey, withTempo } from "../edits.js";
import { h, icon, iconButton, slider } from "../dom.js";
import { clock, t, word } from "../language.js";
import { peaksOfTrack } from "../sound/decode.js";
import { keyText } from "../understood.js";

const TONICS = ["C", "C#", "Db", "D", "Eb", "E", "F", "F#", "Gb", "G", "Ab", "A", "Bb", "B"];
const MODES = ["major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "harmonic_minor"];
const KINDS = ["intro", "verse", "theme", "chorus", "build", "drop", "break", "bridge", "variation", "outro"];
const MOST_TAKES = 6;

const drawSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000;
const select = (options, chosen, props = {}) => h("select", props, options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));

export class Change {
  /** `acts`: make(body), contest(body), relatives(record) → records, open(id), playable() → reach by instrument. */
  constructor(player, record, acts) {
    Object.assign(this, { player, record, acts, plan: structuredClone(record.plan) });
    this.element = h("div", { class: "change" });
    this.onTick = () => this.showPlaying();
    player.addEventListener("tick", this.onTick);
    player.addEventListener("change", this.onTick);
    this.build();
  }

  close() {
    this.closed = true;
    this.player.removeEventListener("tick", this.onTick);
    this.player.removeEventListener("change", this.onTick);
  }

  build() {
    const { record, plan } = this;
    const count = select([1, 2, 3, 4].map((n) => [n, String(n)]), 1, { "aria-label": t("ask.takes") });
    const button = (key, act, more = "") => h("button", { type: "button", class: `button ${more}`, t: key, on: { click: act } });
    const take = (fresh) => this.acts.make({
      prompt: record.prompt, model: record.model, seed: drawSeed(),
      ...(fresh || !record.composition ? { duration: record.duration, ...askedOf(record) } : { plan: { ...record.plan, candidate: null } }),
      ...(Number(count.value) > 1 ? { variations: Number(count.value) } : {}),
    });
    this.tempo = h("input", { type: "number", min: 30, max: 300, step: "any", value: Math.round(plan.tempo_bpm * 10) / 10, id: "change-tempo", on: { input: () => { this.plan = withTempo(this.plan, Number(this.tempo.value) || plan.tempo_bpm); this.showSum(); } } });
    this.tonic = select(TONICS.map((name) => [name, keyText(name)]), plan.tonic, { id: "change-tonic" });
    this.mode = select(MODES.map((name) => [name, word(name)]), plan.mode, { id: "change-mode" });
    for (const each of [this.tonic, this.mode]) each.addEventListener("change", () => { this.plan = withKey(this.plan, this.tonic.value, this.mode.value); });
    this.seats = h("div", { class: "seats" });
    this.rows = h("div", { class: "form-rows" });
    this.sum = h("p", { class: "form-sum num", role: "status" });
    this.go = button("change.make", () => this.acts.make(this.body()), "primary");
    this.against = button("change.contest", () => this.acts.contest({ prompt: record.prompt, model: record.model, plans: [{ ...record.plan }, ready(this.plan)] }));
    this.takes = h("div", { class: "takes" });
    this.element.replaceChildren(
      h("section", {}, h("h3", { t: "change.take" }), h("p", { t: "change.take.what" }),
        h("div", { class: "row" }, count, record.composition ? button("change.take.plan", () => take(false)) : null, button("change.take.fresh", () => take(true)))),
      ...(record.composition ? [h("section", {}, h("h3", { t: "change.but" }), h("p", { t: "change.but.what" }),
        h("div", { class: "row" },
          h("label", {}, h("span", { t: "what.tempo_bpm" }), this.tempo),
          h("label", {}, h("span", { t: "what.key" }), this.tonic),
          h("label", {}, h("span", { t: "field.mode" }), this.mode))),
      h("section", {}, h("h3", { t: "change.players" }), this.seats),
      h("section", {}, h("h3", { t: "change.form" }), this.rows, button("change.form.add", () => this.addSection(), "small"), this.sum),
      h("div", { class: "row" }, this.go, this.against)] : []),
      h("section", { hidden: true }, h("h3", { t: "change.takes" }), h("p", { t: "change.takes.what" }), this.takes),
    );
    if (record.composition) { this.showSeats(); this.showForm(); }
    this.showTakes();
  }

  body() {
    const plan = ready(this.plan);
    return { prompt: this.record.prompt, model: this.record.model, seed: this.record.seed, duration: plan.duration_s, plan };
  }

  async showSeats() {
    const playable = await this.acts.playable();
    if (this.closed) return;
    this.seats.replaceChildren(...this.plan.ensemble.map((voice) => {
      const drums = playable[voice.instrument]?.drums ?? false;
      const names = Object.keys(playable).filter((name) => playable[name].drums === drums);
      if (!names.includes(voice.instrument)) names.unshift(voice.instrument);
      const sorted = names.map((name) => [name, word(name)]).sort((a, b) => a[1].localeCompare(b[1]));
      const choice = select(sorted, voice.instrument, { "data-seat": voice.name });
      choice.addEventListener("change", () => { this.plan = withInstrument(this.plan, voice.name, choice.value, playable[choice.value]); });
      return h("label", {}, h("span", { t: `word:${voice.role}` }), choice);
    }));
  }

  showForm() {
    const { form } = this.plan;
    const change = (next) => { this.plan = withForm(this.plan, next); this.showForm(); };
    const edit = (i, part) => { this.plan = withForm(this.plan, this.plan.form.map((section, k) => (k === i ? { ...section, ...part } : section))); this.showSum(); };
    const focused = document.activeElement?.dataset?.move;
    const heads = h("div", { class: "form-row heads", "aria-hidden": "true" }, ["change.form.heads.kind", "change.form.heads.bars", "change.form.heads.energy"].map((key) => h("span", { t: key })));
    this.rows.replaceChildren(heads, ...form.map((section, i) => {
      const name = `${i + 1}. ${word(section.kind)}`;
      const kind = select(KINDS.map((each) => [each, word(each)]), section.kind, { "aria-label": t("change.form.kind", { name }), on: { change: () => edit(i, { kind: kind.value }) } });
      const bars = h("input", { type: "number", min: 1, max: 64, step: 1, value: section.bars, "aria-label": t("change.form.bars", { name }), on: { input: () => edit(i, { bars: Math.max(1, Math.min(64, Math.round(Number(bars.value)) || 1)) }) } });
      const energy = slider({ min: 0, max: 1, step: 0.01, value: section.energy, "aria-label": t("change.form.energy", { name }), title: t("change.form.energy", { name }), on: { input: () => edit(i, { energy: Number(energy.value) }) } });
      const swapped = () => { const next = [...form]; [next[i - 1], next[i]] = [next[i], next[i - 1]]; return next; };
      return h("div", { class: "form-row" }, kind, bars, h("div", { class: "energy" }, energy), h("div", { class: "moves" },
        h("button", { type: "button", class: "icon-button small", "aria-label": t("change.form.up", { name }), title: t("change.form.up", { name }), disabled: i === 0, "data-move": `up-${i - 1}`, on: { click: () => change(swapped()) } }, "↑"),
        iconButton("plus", "change.form.copy", () => change([...form.slice(0, i + 1), { ...section }, ...form.slice(i + 1)]), { class: "small", params: { name } }),
        iconButton("cross", "change.form.drop", () => change(form.filter((_, k) => k !== i)), { class: "small", params: { name }, disabled: form.length < 2 })));
    }));
    if (focused) this.rows.querySelector(`[data-move="${focused}"]`)?.focus();
    this.showSum();
  }

  addSection() {
    const { form } = this.plan;
    this.plan = withForm(this.plan, [...form.slice(0, -1), { ...form[Math.max(0, form.length - 2)] }, form.at(-1)]);
    this.showForm();
  }

  showSum() {
    const bars = this.plan.form.reduce((sum, section) => sum + section.bars, 0);
    const fine = fits(this.plan) && barSeconds(this.plan) > 0;
    this.sum.textContent = t(fine ? "change.form.sum" : "change.form.wrong", { bars, length: clock(lengthOf(this.plan)) });
    this.go.disabled = this.against.disabled = !fine;
  }

  /** Takes of the same words, one under the other; one is heard, the others wait at the same place. */
  showTakes() {
    const relatives = this.acts.relatives(this.record).slice(0, MOST_TAKES);
    this.takes.parentElement.hidden = relatives.length < 2;
    this.takes.replaceChildren(...relatives.map((record) => {
      const here = record.track_id === this.record.track_id;
      const play = iconButton("play", "change.takes.play", () => this.playTake(record), { params: { name: String(record.seed) } });
      const canvas = h("canvas", { "aria-hidden": "true" });
      const row = h("div", { class: "take", "data-id": record.track_id }, play,
        h("div", { class: "num" }, `${t("ask.seed").toLowerCase()} ${record.seed} `, h("small", {}, `${clock(record.duration)}${record.plan ? ` · ${Math.round(record.plan.tempo_bpm)} ${t("value.bpm", { n: "" }).trim()}` : ""}${here ? ` · ${t("change.takes.this")}` : ""}`)),
        canvas,
        h("button", { type: "button", class: "button small", t: "change.takes.open", disabled: here, on: { click: () => this.acts.open(record.track_id) } }));
      peaksOfTrack(record).then((peaks) => { if (!this.closed) drawSmall(canvas, peaks); }, () => {});
      return row;
    }));
    this.showPlaying();
  }

  playTake(record) {
    const { time, track, playing } = this.player;
    if (track?.id === record.track_id) { this.player.toggle(); return; }
    this.player.load({ id: record.track_id, title: record.prompt, duration: record.duration });
    this.player.finished = true;
    this.player.seek(Math.min(time, record.duration - 0.1));
    this.player.play();
    return playing;
  }

  showPlaying() {
    for (const row of this.takes.children) {
      const on = row.dataset.id === this.player.track?.id;
      row.classList.toggle("on", on);
      const playing = on && this.player.playing;
      if (row.dataset.playing === String(playing)) continue;
      row.dataset.playing = String(playing);
      row.firstChild.replaceChildren(icon(playing ? "pause" : "play"));
    }
  }
}

/** Explicit fields of a track, without its plan. */
function askedOf({ asked }) {
  const { plan: _plan, ...fields } = asked ?? {};
  return fields;
}

function drawSmall(canvas, { min, max }) {
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width) return;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--line-2").trim();
  const top = max.reduce((a, b) => Math.max(a, b), 0.05);
  for (let x = 0; x < width; x += 2) {
    const from = Math.floor((x / width) * max.length);
    const to = Math.max(from + 1, Math.floor(((x + 2) / width) * max.length));
    let high = 0;
    for (let i = from; i < to; i += 1) high = Math.max(high, max[i], -min[i]);
    const size = Math.max(1, (high / top) * height * 0.9);
    pen.fillRect(x, (height - size) / 2, 1.2, size);
  }
}
