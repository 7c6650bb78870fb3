/** The open track: its stages while it is made, what to do if it failed, and its panes once it is there. */

import * as api from "../api.js";
import { byId, h, icon, iconButton } from "../dom.js";
import { follow } from "../follow.js";
import { isFavourite, toggleFavourite } from "../kept.js";
import { clock, number, t, word } from "../language.js";
import { openPop } from "../pop.js";
import { openShare } from "../share.js";
import { showTrouble } from "../trouble.js";
import { keyText } from "../understood.js";
import { Picture } from "./picture.js";
import { reportOf } from "./report.js";

const STAGES = ["planning", "composing", "rendering", "mastering", "encoding"];
const BARS = 96;

export class TrackView {
  /** `onRecord(record)`, `onDelete(record)`, `onAgain(record)`; `panes` more tabs: `{ key, build(record) → { element, close() } }`. */
  constructor(player, { onRecord, onDelete, onAgain, panes = [] }) {
    Object.assign(this, { player, onRecord, onDelete, onAgain, panes, models: [], id: null, record: null });
    this.section = byId("work");
    this.spoken = h("p", { class: "sr", role: "status" });
    document.body.append(this.spoken);
    document.addEventListener("models", (event) => { this.models = event.detail; });
    document.addEventListener("language", () => { if (this.record) this.showHead(); });
    document.addEventListener("favourites", () => this.star?.setAttribute("aria-pressed", String(isFavourite(this.id))));
  }

  /** Open a track; with `listen` play it as soon as there is sound. */
  open(id, { listen = false, scroll = true } = {}) {
    if (this.id === id && this.record?.status !== "failed") { if (scroll) this.reveal(); return; }
    this.close();
    this.id = id;
    this.listen = listen;
    this.section.hidden = false;
    this.section.replaceChildren(h("h2", { id: "work-title", class: "sr", t: "work.title" }), (this.body = h("div", { class: "stages" })));
    if (scroll) this.reveal();
    this.stop = follow(id, {
      onRecord: (record) => { if (this.id === id) this.take(record); },
      onProgress: (stage, progress) => { if (this.id === id) this.showProgress(stage, progress); },
      onPreview: () => { if (this.id === id) this.hearLive(); },
      onGone: (problem) => { if (this.id === id) this.showLost(problem); },
    });
  }

  /** Where the page is narrow, the track takes its place; else as much of it as fits comes into view. */
  reveal() {
    (this.section.querySelector(".picture") ?? this.section).scrollIntoView({ block: innerWidth <= 640 && this.record?.status !== "completed" ? "start" : "nearest" });
  }

  close() {
    this.stop?.();
    this.closePane();
    if (!this.id) return;
    this.id = this.record = this.bars = null;
    this.section.hidden = true;
    this.section.replaceChildren();
    this.player.load(null);
  }

  get title() { return this.record.plan?.title || this.record.prompt; }

  take(record) {
    const before = this.record;
    this.record = record;
    if (record.status !== "processing") this.onRecord(record);
    const playable = { id: record.track_id, title: this.title, duration: record.duration };
    if (record.status === "processing") {
      if (!before) this.build();
      this.showHead();
      this.showProgress(record.stage, record.progress, record.queue_position);
    } else if (record.status === "completed") {
      const heard = this.player.track?.id === record.track_id;
      if (heard) this.player.finish(playable);
      else { this.player.load(playable); this.player.finished = true; if (this.listen && before) this.player.play(); }
      if (before?.status === "processing") this.spoken.textContent = t("stage.done", { title: this.title });
      this.build();
      this.showHead();
      this.showPanes();
      if (before?.status === "processing" && this.listen) this.reveal();
    } else {
      this.player.load(null);
      this.build();
      this.showHead();
      this.showFailure();
    }
  }

  /** What is made already can be heard while the rest is. */
  hearLive() {
    if (this.record?.status !== "processing" || this.player.track?.id === this.id) return;
    this.player.load({ id: this.id, title: this.title, duration: this.record.duration }, { live: true });
    if (this.listen) this.player.play();
  }

  build() {
    this.heading = h("h2", { id: "work-title", tabindex: -1 });
    this.facts = h("p", { class: "facts num" });
    this.acts = h("div", { class: "work-acts" });
    this.body = h("div", { class: "pane" });
    this.bars = null;
    this.section.replaceChildren(h("div", { class: "work-head" }, h("div", {}, this.heading, this.facts), this.acts), this.body);
    this.acted = null;
  }

  showHead() {
    const { record } = this;
    this.heading.textContent = this.title;
    const { plan } = record;
    const facts = [clock(record.duration)];
    if (plan) facts.push(t("value.bpm", { n: number(plan.tempo_bpm) }), `${keyText(plan.tonic)} ${word(plan.mode)}`, plan.time_signature, word(plan.style));
    facts.push(record.model, `${t("ask.seed").toLowerCase()} ${record.seed}`);
    this.facts.replaceChildren(...facts.map((fact) => h("span", {}, fact)));
    if (this.acted === record.status) return;
    this.acted = record.status;
    this.star = iconButton("star", "work.favourite", () => toggleFavourite(record.track_id), { "aria-pressed": String(isFavourite(record.track_id)) });
    const share = iconButton("share", "work.share", () => openShare(share, this.record), { id: "share" });
    const bin = iconButton("bin", "work.delete", () => this.onDelete(this.record), { id: "delete" });
    if (record.status === "processing") {
      this.acts.replaceChildren(h("button", { type: "button", class: "button small", id: "stop", t: "work.cancel", on: { click: () => this.cancel() } }));
    } else if (record.status === "completed") {
      const files = h("button", { type: "button", class: "button small", id: "downloads", on: { click: () => this.offerFiles(files) } }, icon("down"), h("span", { t: "work.downloads" }));
      this.acts.replaceChildren(files, this.star, share, bin);
    } else {
      this.acts.replaceChildren(bin);
    }
  }

  /** A waveform still to be: bars that fill as the work goes on. */
  showProgress(stage, progress, position = null) {
    if (!this.record || this.record.status !== "processing") return;
    if (!this.bars) {
      this.bars = Array.from({ length: BARS }, () => h("i"));
      this.line = h("ol", { class: "stage-line" });
      this.percent = h("span", { class: "percent num" });
      this.body.replaceChildren(h("div", { class: "stages" }, h("div", { class: "stage-bars", "aria-hidden": "true" }, this.bars), this.line));
      this.shown = 0;
    }
    this.shown = Math.max(this.shown, progress);
    this.record = { ...this.record, stage, progress: this.shown };
    this.onRecord(this.record);
    const on = Math.round((this.shown / 100) * BARS);
    this.bars.forEach((bar, i) => {
      const lit = i < on;
      if (lit === bar.classList.contains("on")) return;
      bar.classList.toggle("on", lit);
      bar.style.height = lit ? `${this.heightOf(i)}%` : "";
    });
    const now = STAGES.indexOf(stage);
    this.line.replaceChildren(
      ...(now < 0 ? [h("li", { class: "now", t: position > 1 ? "work.waiting" : `stage.${stage}`, params: { n: position - 1 } })] : []),
      ...STAGES.map((name, i) => h("li", { class: i < now ? "done" : i === now ? "now" : "", t: `stage.${name}`, "aria-current": i === now ? "step" : false })),
      h("li", { class: "percent num" }, `${this.shown} %`));
    const told = `${stage}`;
    if (this.told !== told) { this.told = told; this.spoken.textContent = t("stage.live", { stage: t(`stage.${stage}`), n: this.shown }); }
  }

  /** The planned energy of the section a bar stands in, once it is known. */
  heightOf(i) {
    const form = this.record.plan?.form ?? [];
    const bars = form.reduce((sum, section) => sum + section.bars, 0);
    let at = (i / BARS) * bars;
    const section = form.find((each) => (at -= each.bars) < 0);
    const grain = 0.55 + 0.45 * Math.abs(Math.sin(i * 12.9898) * 43758.5453 % 1);
    return 14 + 82 * (section?.energy ?? 0.5) * grain;
  }

  showFailure() {
    const { record } = this;
    const cancelled = record.stage === "cancelled";
    this.body.replaceChildren(h("div", { class: `notice ${cancelled ? "mild" : ""}` },
      h("strong", { t: cancelled ? "work.cancelled" : "work.failed" }),
      ...(cancelled ? [] : [h("p", {}, record.error ?? ""), h("p", { t: "work.failed.what" })]),
      h("div", { class: "row" }, h("button", { type: "button", class: "button small", t: "work.again", on: { click: () => this.onAgain(record) } }))));
  }

  showLost(problem) {
    if (problem.kind !== "missing") {
      const { id } = this;
      showTrouble(problem, { place: "track", again: () => { if (this.id === id) { this.id = null; this.open(id); } } });
      return;
    }
    this.section.replaceChildren(h("h2", { id: "work-title", class: "sr", t: "work.title" }), h("div", { class: "notice" }, h("strong", { t: "work.lost" }), h("p", { t: "work.lost.what" })));
  }

  async cancel() {
    try {
      this.take(await api.cancel(this.id));
    } catch (problem) {
      if (problem.status !== 409) showTrouble(problem, { place: "track" }); // it was finished first
    }
  }

  async offerFiles(anchor) {
    const { files, track_id: id } = this.record;
    // Links that a key signed are good for a while only: they are signed anew whenever the menu opens.
    if (api.hasKey()) try { await api.track(id); } catch { /* then a link says what is wrong */ }
    if (this.id !== id) return;
    const menu = h("div", { class: "menu" }, Object.entries(files).map(([form, file]) => h("a", { href: api.fileUrl(id, form), download: "" }, form, h("small", { class: "num" }, file.ready ? size(file.size) : t("work.tomake")))));
    openPop(anchor, menu, t("work.downloads"));
  }

  /** Tabs, and the pane of the one that is chosen. */
  showPanes() {
    const picture = { key: "tab.listen", build: (record) => { const view = new Picture(this.player); return { element: view.element, shown: () => view.show(record), close: () => view.close() }; } };
    const report = { key: "tab.report", build: (record) => ({ element: reportOf(record, this.models), close() {} }) };
    const panes = [picture, ...this.panes.filter(({ fits = () => true }) => fits(this.record)), report];
    const tabs = panes.map((pane, i) => h("button", { type: "button", role: "tab", id: `tab-${pane.key.slice(4)}`, "aria-controls": "pane", t: pane.key, on: { click: () => choose(i) } }));
    const list = h("div", { class: "tabs", role: "tablist", label: "work.title" }, tabs);
    const pane = h("div", { class: "pane", role: "tabpanel", id: "pane" });
    const choose = (which) => {
      tabs.forEach((tab, i) => { tab.setAttribute("aria-selected", String(i === which)); tab.tabIndex = i === which ? 0 : -1; });
      pane.setAttribute("aria-labelledby", tabs[which].id);
      this.closePane();
      this.pane = panes[which].build(this.record);
      pane.replaceChildren(this.pane.element);
      this.pane.shown?.();
    };
    list.addEventListener("keydown", (event) => {
      const now = tabs.indexOf(document.activeElement);
      const next = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (now < 0 || next === undefined) return;
      event.preventDefault();
      const to = (next + tabs.length) % tabs.length;
      choose(to);
      tabs[to].focus();
    });
    this.body.replaceChildren(list, pane);
    this.body.classList.add("stages");
    choose(0);
  }

  closePane() {
    this.pane?.close();
    this.pane = null;
  }
}

function size(bytes) {
  return bytes >= 1e6 ? `${number(bytes / 1e6, 1)} MB` : `${number(Math.max(1, bytes / 1e3))} kB`;
}
