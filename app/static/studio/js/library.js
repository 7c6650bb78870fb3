/** This server's tracks: search, favourites, deletion that can be undone. */

import * as api from "./api.js";
import { byId, debounced, h, iconButton } from "./dom.js";
import { isFavourite, toggleFavourite } from "./kept.js";
import { ago, clock, t } from "./language.js";
import { toast } from "./pop.js";
import { showTrouble } from "./trouble.js";

/** The page shows at most this many; older ones are found through the API. */
const MOST = 1000;
/** Between two looks while something is being made. */
const EVERY_MS = 2500;

export class Library {
  /** `onOpen(id)` when a track is chosen, `onDeleted(id)` as soon as it is out of sight. */
  constructor({ onOpen, onDeleted }) {
    Object.assign(this, { onOpen, onDeleted, tracks: [], current: null, doomed: new Map(), only: false });
    this.search = h("input", { type: "search", id: "search", label: "library.search", autocomplete: "off" });
    this.search.dataset.tPlaceholder = "library.search";
    this.search.placeholder = t("library.search");
    this.search.addEventListener("input", debounced(80, () => this.show()));
    this.stars = iconButton("star", "library.favourites", () => { this.only = !this.only; this.stars.setAttribute("aria-pressed", String(this.only)); this.show(); }, { "aria-pressed": "false" });
    this.count = h("span", { class: "num" });
    this.list = h("ul", { class: "shelf-list" });
    this.empty = h("p", { class: "shelf-empty" });
    byId("library").append(
      h("div", { class: "shelf-head" }, h("div", { class: "line" }, h("h2", { id: "library-title", t: "library.title" }), this.count), h("div", { class: "shelf-tools" }, this.search, this.stars)),
      this.empty, this.list,
    );
    document.addEventListener("language", () => this.show());
    document.addEventListener("favourites", () => this.show());
    document.addEventListener("server-back", () => this.load());
    window.addEventListener("pagehide", () => { for (const id of this.doomed.keys()) api.remove(id, true).catch(() => {}); });
    this.refresh = debounced(200, () => this.load());
  }

  async load() {
    try {
      const found = [];
      let cursor = null;
      do {
        const page = await api.tracks(cursor);
        found.push(...page.tracks);
        cursor = page.next_cursor;
      } while (cursor && found.length < MOST);
      this.tracks = found;
      this.show();
      clearTimeout(this.timer);
      if (found.some(({ status }) => status === "processing")) this.timer = setTimeout(() => this.load(), EVERY_MS);
    } catch (problem) {
      showTrouble(problem, { place: "library", again: () => this.load() });
    }
  }

  /** Mark what is open. */
  mark(id) { this.current = id; this.show(); }

  /** A track's own news, without asking again. */
  update(record) {
    const at = this.tracks.findIndex((track) => track.track_id === record.track_id);
    if (at < 0) this.tracks.unshift(record); else this.tracks[at] = { ...this.tracks[at], ...record };
    this.show();
  }

  /** Finished tracks of the same words, the track itself first. */
  relatives(record) {
    const others = this.tracks.filter((track) => track.status === "completed" && track.prompt === record.prompt && track.track_id !== record.track_id && !this.doomed.has(track.track_id));
    return [record, ...others];
  }

  show() {
    const words = this.search.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const here = this.tracks.filter((track) => !this.doomed.has(track.track_id));
    const shown = here.filter((track) => (!this.only || isFavourite(track.track_id)) && words.every((text) => `${track.prompt} ${track.model} ${track.seed}`.toLowerCase().includes(text)));
    this.count.textContent = here.length === 1 ? t("library.one") : t("library.count", { n: here.length });
    this.empty.hidden = shown.length > 0;
    this.empty.textContent = t(here.length ? "library.none" : "library.empty");
    const focused = document.activeElement?.closest?.(".tune")?.dataset.id;
    const which = document.activeElement?.dataset?.act;
    this.list.replaceChildren(...shown.slice(0, 300).map((track) => this.row(track)));
    if (focused && which) this.list.querySelector(`[data-id="${focused}"] [data-act="${which}"]`)?.focus();
  }

  row(track) {
    const { track_id: id, prompt } = track;
    const params = { name: prompt.length > 60 ? `${prompt.slice(0, 60)}…` : prompt };
    const state = track.status === "processing" ? [h("span", { class: "doing num" }, `${track.progress} %`), " · "]
      : track.status === "failed" ? [h("span", { class: "bad", t: track.stage === "cancelled" ? "stage.cancelled" : "stage.failed" }), " · "] : [];
    const favourite = isFavourite(id);
    return h("li", { class: "tune", "data-id": id, "aria-current": this.current === id ? "true" : false },
      h("button", { type: "button", class: "open", "data-act": "open", on: { click: () => this.onOpen(id) } },
        h("span", { class: "name" }, prompt),
        h("span", { class: "about num" }, state, `${clock(track.duration)} · ${track.model} · ${ago(track.created_at)}`)),
      h("span", { class: "acts" },
        iconButton("star", "library.favourite", () => toggleFavourite(id), { class: "small", params, "aria-pressed": String(favourite), "data-act": "star" }),
        iconButton("bin", "library.delete", () => this.remove(id, prompt), { class: "small", params, "data-act": "bin" })));
  }

  /** Out of sight at once, off the server when nobody has undone it. */
  remove(id, name) {
    this.doomed.set(id, name);
    this.show();
    this.onDeleted(id);
    toast(t("library.deleted", { name: name.length > 40 ? `${name.slice(0, 40)}…` : name }), {
      action: "library.undo",
      onAction: () => { this.doomed.delete(id); this.show(); },
      onGone: async () => {
        try {
          await api.remove(id);
        } catch (problem) {
          if (problem.kind !== "missing") showTrouble(problem, { place: "library" });
        }
        this.doomed.delete(id);
        this.tracks = this.tracks.filter((track) => track.track_id !== id);
        this.show();
      },
    });
  }
}
