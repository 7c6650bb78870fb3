/** The same in several ways, blind: letters instead of names, one switch without a gap, a vote, then the names. */

import * as api from "../api.js";
import { byId, h } from "../dom.js";
import { number, t, word } from "../language.js";
import { decode } from "../sound/decode.js";
import { showTrouble, waitForServer } from "../trouble.js";

const EVERY_MS = 700;

export class Contest {
  /** `onTrack(id)` opens one of the tracks once their names are known. */
  constructor(player, { onTrack }) {
    Object.assign(this, { player, onTrack, id: null });
    this.section = byId("work");
    document.addEventListener("keydown", (event) => {
      if (!this.deck || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
      const at = this.record.sides.findIndex(({ label }) => label.toLowerCase() === event.key.toLowerCase());
      if (at >= 0) this.hear(at);
    });
  }

  open(id) {
    if (this.id === id) return;
    this.close();
    this.id = id;
    this.player.load(null);
    this.heading = h("h2", { id: "work-title", tabindex: -1, t: "contest.title" });
    this.body = h("div", { class: "contest" });
    this.section.hidden = false;
    this.section.replaceChildren(h("div", { class: "work-head" }, h("div", {}, this.heading, (this.prompt = h("p", { class: "facts" })))), this.body);
    this.section.scrollIntoView({ block: "nearest" });
    this.look();
  }

  close() {
    clearTimeout(this.timer);
    if (this.id) { this.player.load(null); this.section.hidden = true; this.section.replaceChildren(); }
    this.id = this.record = this.deck = null;
  }

  async look() {
    const { id } = this;
    let record;
    try {
      record = await api.comparison(id, true);
    } catch (problem) {
      if (this.id !== id) return;
      if (problem.kind === "gone") waitForServer(() => this.look());
      else { this.body.replaceChildren(h("div", { class: "notice" }, h("strong", { t: "contest.lost" }))); if (problem.kind !== "missing") showTrouble(problem); }
      return;
    }
    if (this.id !== id) return;
    this.record = record;
    this.prompt.replaceChildren(h("span", {}, record.prompt));
    if (record.status === "processing") {
      this.body.replaceChildren(h("p", { role: "status", class: "num", t: "contest.making", params: { n: record.progress } }), this.progress(record.progress));
      this.timer = setTimeout(() => this.look(), EVERY_MS);
      return;
    }
    if (record.winner) this.reveal(record); else await this.prepare(id, record);
  }

  progress(percent) {
    return h("div", { class: "meter", role: "progressbar", label: "contest.title", "aria-valuenow": percent, "aria-valuemin": 0, "aria-valuemax": 100, vars: { "--colour": "var(--accent)" } }, h("i", { vars: { transform: `scaleX(${percent / 100})` } }));
  }

  /** Decode all sides, so that switching is a matter of levels. */
  async prepare(id, record) {
    const sides = record.sides.filter(({ status }) => status === "completed");
    if (sides.length < 2) { this.body.replaceChildren(h("div", { class: "notice" }, h("strong", { t: "contest.failed" }))); return; }
    this.body.replaceChildren(h("p", { role: "status", t: "contest.loading" }));
    let channels;
    try {
      channels = await Promise.all(sides.map(async (side) => ({ name: side.label, buffer: await decode(await api.fileBytes(side.track_id, "mp3")) })));
    } catch (problem) {
      if (this.id === id) showTrouble(problem, { again: () => this.prepare(id, record) });
      return;
    }
    if (this.id !== id) return;
    this.record = { ...record, sides };
    this.player.load(null);
    this.player.track = { id, title: t("contest.title"), duration: Math.max(...channels.map(({ buffer }) => buffer.duration)) };
    this.deck = this.player.useDeck(channels, "contest");
    this.build(sides);
    this.hear(0);
  }

  build(sides) {
    this.cards = sides.map((side, i) => {
      const letter = h("button", { type: "button", class: "letter", "aria-pressed": "false", label: "contest.hear", params: { name: side.label }, on: { click: () => { this.hear(i); if (!this.player.playing) this.player.play(); } } }, side.label);
      const vote = h("button", { type: "button", class: "button small", t: "contest.vote", params: { name: side.label }, on: { click: () => this.vote(side) } });
      return h("div", { class: "side" }, letter, vote);
    });
    this.body.replaceChildren(h("p", { t: "contest.how" }), h("div", { class: "sides" }, this.cards));
  }

  /** One side sounds, the others go on in silence. */
  hear(which) {
    this.record.sides.forEach((_, i) => this.deck.setGain(i, i === which ? 1 : 0));
    this.cards.forEach((card, i) => {
      card.classList.toggle("on", i === which);
      card.firstChild.setAttribute("aria-pressed", String(i === which));
    });
  }

  async vote(side) {
    const { id } = this;
    try {
      const record = await api.vote(id, side.label);
      if (this.id === id) this.reveal(record);
    } catch (problem) {
      showTrouble(problem, { again: () => this.vote(side) });
    }
  }

  reveal(record) {
    const winner = record.sides.find(({ label }) => label === record.winner || record.winner === label);
    this.deck = null;
    const cards = record.sides.map((side) => h("div", { class: `side ${side === winner ? "won" : ""}` },
      h("button", { type: "button", class: "letter", label: "contest.open", params: { name: side.name }, on: { click: () => this.onTrack(side.track_id) } }, side.label),
      h("p", { class: "name" }, side.name, side === winner ? ` · ${t("contest.won")}` : "")));
    const shown = (value) => (value === null ? "—" : typeof value === "number" ? number(value, 2) : word(String(value)));
    const table = h("div", { class: "sheet-box", tabindex: 0, role: "region", label: "contest.differences" }, h("table", { class: "sheet" },
      h("thead", {}, h("tr", {}, h("th", { scope: "col", t: "report.what" }), record.sides.map((side) => h("th", { scope: "col" }, `${side.label} · ${side.name}`)))),
      h("tbody", {}, record.differences.map((row) => h("tr", {}, h("th", { scope: "row" }, word(row.what), row.unit ? ` (${row.unit})` : ""), row.values.map((value) => h("td", {}, shown(value))))))));
    this.player.pause();
    this.body.replaceChildren(h("p", { role: "status", t: "contest.revealed" }), h("div", { class: "sides" }, cards), table);
    this.heading.focus({ preventScroll: true });
  }
}
