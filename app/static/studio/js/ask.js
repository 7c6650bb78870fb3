/** Asking for music: the sentence, what is understood of it while it is typed, and the fields beside it. */

import * as api from "./api.js";
import { chipRows, EDITABLE, editChip } from "./chips.js";
import { byId, debounced, h, iconButton, slider } from "./dom.js";
import { number, t } from "./language.js";
import { copyLine, openPop } from "./pop.js";
import { clearTrouble, showTrouble } from "./trouble.js";
import { chipsOf, LISTS, placesOf, quoted, textOf, withoutWords } from "./understood.js";

/** One for each side of what the composer can do. */
const EXAMPLES = {
  en: [
    "Late-night jazz trio, brushes, a tenor sax that takes its time, 84 bpm",
    "Epic orchestral trailer in D minor that builds to a huge end",
    "Lo-fi hip-hop with vinyl crackle and a warm electric piano",
    "Baroque harpsichord and strings in 3/4, elegant, no drums",
    "Synthwave night drive, driving bass, 110 bpm",
    "Lullaby for music box and harp, very quiet",
  ],
  es: [
    "Trío de jazz nocturno con saxo tenor y escobillas, 84 bpm",
    "Tráiler orquestal épico en re menor que crece hasta el final",
    "Bossa nova lenta con guitarra y flauta, cálida",
    "Clavecín barroco con cuerdas en 3/4, elegante, sin batería",
    "Tango dramático con bandoneón y violín",
    "Nana para caja de música y arpa, muy suave",
  ],
};
const MOST_DRAWN = 1_000_000;
const drawSeed = () => crypto.getRandomValues(new Uint32Array(1))[0] % MOST_DRAWN;

/** The form. `onTracks(answer)` is told what was accepted, `onCompare(body)` what is to be compared blind. */
export class Ask {
  constructor({ onTracks, onCompare }) {
    this.onTracks = onTracks;
    this.onCompare = onCompare;
    this.fields = {};
    this.plan = null;
    this.answer = null;
    this.models = [];
    this.names = { genre: [], moods: [], instruments: [], exclude_instruments: [] };
    this.drawn = drawSeed();
    this.used = false;
    this.lit = [];
    this.build();
    this.replan = debounced(250, () => this.understand());
    document.addEventListener("language", () => { this.showExamples(); this.showChips(); this.showModels(); });
    document.addEventListener("server", (event) => { if (event.detail === "up" && !this.loaded) this.load(); });
  }

  build() {
    const section = byId("ask");
    this.prompt = byId("prompt");
    this.echo = byId("echo");
    this.prompt.dataset.tPlaceholder = "ask.placeholder";
    this.prompt.placeholder = t("ask.placeholder");
    this.prompt.addEventListener("input", () => { this.showEcho(); this.replan(); });
    this.prompt.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      event.preventDefault(); // a prompt is one line, however it wraps
      if (event.ctrlKey || event.metaKey) this.make();
    });
    this.rows = h("div", { class: "chip-rows" });
    this.spoken = h("p", { class: "sr", id: "understood-live", "aria-live": "polite" });
    this.examples = h("div", { class: "examples", role: "group", label: "ask.examples" });

    this.slider = slider({ min: 5, max: 300, step: 5, value: 30, label: "ask.length" });
    this.length = h("input", { type: "number", min: 5, max: 300, step: 1, value: 30, label: "ask.length" });
    this.slider.addEventListener("input", () => { this.length.value = this.slider.value; this.dropPlan(); this.replan(); });
    this.length.addEventListener("change", () => {
      this.length.value = Math.max(5, Math.min(300, Math.round(Number(this.length.value)) || 30));
      this.slider.set(this.length.value);
      this.dropPlan();
      this.replan();
    });
    this.seed = h("input", { type: "text", inputmode: "numeric", pattern: "[0-9]*", maxlength: 16, id: "seed", autocomplete: "off" });
    this.seed.dataset.tPlaceholder = "ask.seed.any";
    this.seed.placeholder = t("ask.seed.any");
    this.seed.addEventListener("input", () => { this.seed.value = this.seed.value.replace(/\D/g, ""); this.dropPlan(); this.replan(); });
    this.model = h("select", { id: "model" });
    this.model.addEventListener("change", () => { this.showModelNote(); this.replan(); });
    this.modelNote = h("div", { class: "model-note" });
    this.loop = h("input", { type: "checkbox", id: "loop" });
    this.loop.addEventListener("change", () => { this.dropPlan(); this.replan(); });
    this.takes = h("select", { id: "takes" }, [1, 2, 3, 4].map((n) => h("option", { value: n }, String(n))));
    this.takes.addEventListener("change", () => this.showMake());
    this.button = h("button", { type: "button", class: "button primary", id: "make", t: "ask.make", on: { click: () => this.make() } });
    this.blind = h("button", { type: "button", class: "button", id: "blind", t: "ask.blind", on: { click: () => this.offerContest() } });
    this.planNote = h("span", { class: "plan-note", hidden: true }, h("span", { t: "ask.from.plan" }),
      h("button", { type: "button", class: "link-button", t: "ask.from.plan.drop", on: { click: () => { this.dropPlan(); this.understand(); } } }));

    section.append(
      this.spoken, this.rows, this.examples,
      h("div", { class: "desk" },
        h("div", { class: "field wide" }, h("span", { t: "ask.length" }),
          h("div", { class: "length" }, this.slider, h("div", { class: "unit" }, this.length, h("span", { t: "ask.seconds" })))),
        h("div", { class: "field wide" }, h("label", { for: "model", t: "ask.model" }), this.model),
        h("div", { class: "field seed" }, h("label", { for: "seed", t: "ask.seed" }),
          h("div", { class: "with" }, this.seed, iconButton("dice", "ask.seed.new", () => { this.seed.value = drawSeed(); this.dropPlan(); this.replan(); }, { class: "small" }))),
        h("div", { class: "field" }, h("label", { for: "takes", t: "ask.takes" }), this.takes),
        h("label", { class: "switch" }, this.loop, h("span", { t: "ask.loop.long" })),
      ),
      this.modelNote,
      h("div", { class: "make-row" }, this.button, this.blind, this.planNote, h("span", { class: "kbd", t: "ask.shortcut" })),
    );
    this.showExamples();
    this.showEcho();
    this.showMake();
  }

  /** Fetch what the menus offer. */
  async load() {
    this.loaded = true;
    try {
      const [models, genre, moods, instruments] = await Promise.all([api.models(), api.vocabulary("genres"), api.vocabulary("moods"), api.vocabulary("instruments")]);
      this.models = models;
      this.names = { genre, moods, instruments, exclude_instruments: ["drums", ...instruments] };
      this.showModels();
      document.dispatchEvent(new CustomEvent("models", { detail: models }));
    } catch (problem) {
      this.loaded = false;
      showTrouble(problem);
    }
  }

  get seedValue() { return this.seed.value === "" ? this.drawn : Number(this.seed.value); }

  /** The body of a request, for planning without a model that plans nothing of its own. */
  body({ planning = false } = {}) {
    const body = { prompt: this.prompt.value.trim(), duration: Number(this.length.value), seed: this.seedValue };
    if (this.plan) return { prompt: body.prompt || this.plan.prompt, plan: this.plan, ...(planning ? {} : { model: this.model.value || undefined }) };
    for (const [field, value] of Object.entries(this.fields)) if (value !== undefined && !(Array.isArray(value) && !value.length)) body[field] = value;
    if (this.loop.checked) body.loop = true;
    if (!planning || this.model.value.startsWith("composer")) body.model = this.model.value || undefined;
    return body;
  }

  /** What is shown as chosen is what the next track will be: a seed that made one already is drawn anew. */
  async understand({ afresh = true } = {}) {
    if (afresh && this.used) { this.drawn = drawSeed(); this.used = false; }
    this.asking?.abort();
    if (!this.prompt.value.trim()) {
      this.answer = null;
      this.showChips();
      return;
    }
    this.asking = new AbortController();
    try {
      this.answer = await api.plan(this.body({ planning: true }), this.asking.signal);
      clearTrouble("plan");
    } catch (problem) {
      if (problem.name === "AbortError") return;
      showTrouble(problem, { place: "plan" });
      return;
    }
    this.showChips();
  }

  showChips() {
    this.examples.hidden = this.prompt.value.trim() !== "";
    if (!this.answer) {
      this.rows.replaceChildren();
      this.chips = null;
      this.showEcho();
      return;
    }
    this.chips = chipsOf(this.answer, this.fields);
    const add = h("span", { class: "chip add" });
    const button = h("button", { type: "button", on: { click: () => this.offerFields(button) } }, h("span", { "aria-hidden": "true" }, "+"), h("span", { t: "ask.add" }));
    add.append(button);
    const focused = document.activeElement?.getAttribute("aria-label");
    this.rows.replaceChildren(...chipRows(this.chips, this.acts, add));
    if (focused && document.activeElement === document.body) this.rows.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
    const list = this.chips.understood.map((chip) => t(...textOf(chip.field, chip.value))).join(", ");
    this.spoken.textContent = list ? t("ask.live", { list }) : t("ask.live.none");
    this.planNote.hidden = !this.plan;
    this.showEcho();
  }

  acts = {
    names: (field) => this.names[field],
    light: (words) => { this.lit = words; this.showEcho(); },
    set: (field, value, old, chip) => {
      if (value === undefined || value === "" || Number.isNaN(value)) return;
      this.dropPlan();
      if (LISTS.includes(field)) {
        if (old !== undefined && chip.words.length) this.prompt.value = withoutWords(this.prompt.value, chip.words);
        const others = (this.fields[field] ?? []).filter((name) => name !== old && name !== value);
        // Moods that are sent replace those of the words: what was understood beside them is sent too.
        const said = field === "moods" && !this.fields.moods?.length ? (this.chips?.understood ?? []).filter((other) => other.field === "moods" && other.value !== old).map((other) => other.value) : [];
        this.fields[field] = [...new Set([...said, ...others, value])];
      } else {
        this.fields[field] = value;
      }
      this.showEcho();
      this.understand();
    },
    drop: (chip, kind) => {
      this.dropPlan();
      if (kind === "set") {
        if (LISTS.includes(chip.field)) this.fields[chip.field] = this.fields[chip.field].filter((name) => name !== chip.value);
        else delete this.fields[chip.field];
      } else if (chip.field === "instruments") {
        this.fields.exclude_instruments = [...new Set([...(this.fields.exclude_instruments ?? []), chip.value])];
      } else {
        this.prompt.value = withoutWords(this.prompt.value, chip.words);
      }
      this.showEcho();
      this.understand();
      this.prompt.focus({ preventScroll: true });
    },
  };

  offerFields(anchor) {
    const menu = h("div", { class: "menu" });
    const close = openPop(anchor, menu, t("ask.add"));
    for (const field of EDITABLE) {
      menu.append(h("button", { type: "button", t: `what.${field}`, on: { click: () => { close(); editChip(anchor, { field, words: [] }, false, this.acts); } } }));
    }
    menu.firstChild.focus();
  }

  /** The prompt once more below itself, with marks under the words that chips speak of. */
  showEcho() {
    const text = this.prompt.value;
    const classes = new Map();
    const mark = (words, name) => placesOf(text, words).forEach(([start, end]) => { for (let i = start; i < end; i += 1) classes.set(i, new Set(classes.get(i)).add(name)); });
    if (this.chips && this.answer) {
      mark(this.chips.understood.flatMap((chip) => chip.words), "known");
      mark(this.chips.unknown, "unknown");
      mark(quoted(this.chips.conflicts), "conflict");
    }
    mark(this.lit, "lit");
    const pieces = [];
    let last = null;
    for (let i = 0; i < text.length; i += 1) {
      const name = [...(classes.get(i) ?? [])].join(" ");
      if (last === null || last.name !== name) pieces.push((last = { name, text: "" }));
      last.text += text[i];
    }
    this.echo.replaceChildren(...pieces.map((piece) => (piece.name ? h("mark", { class: piece.name }, piece.text) : piece.text)), text ? "\u200b" : `${this.prompt.placeholder}`);
    this.examples.hidden = text.trim() !== "";
  }

  showExamples() {
    const examples = EXAMPLES[document.documentElement.lang] ?? EXAMPLES.en;
    this.examples.replaceChildren(h("p", { t: "ask.examples" }), ...examples.map((text) => h("button", { type: "button", on: { click: () => this.fill({ prompt: text }) } }, text)));
  }

  showModels() {
    const chosen = this.model.value || this.models.find((model) => model.default)?.name;
    const group = (key, models) => (models.length ? h("optgroup", {}, models.map((model) => h("option", { value: model.name, selected: model.name === chosen }, model.name))) : null);
    const groups = [["ask.group.ready", this.models.filter((model) => model.state === "ready")], ["ask.group.setup", this.models.filter((model) => model.state !== "ready")]];
    this.model.replaceChildren(...groups.map(([key, models]) => {
      const element = group(key, models);
      if (element) element.label = t(key);
      return element;
    }).filter(Boolean));
    this.showModelNote();
  }

  showModelNote() {
    const model = this.models.find(({ name }) => name === this.model.value);
    if (!model) return;
    const ready = model.state === "ready";
    this.modelNote.replaceChildren(
      h("span", { class: `state ${ready ? "" : "not"}`, t: ready ? "ask.ready" : "ask.notready" }),
      h("span", {}, ready ? model.description : (model.lacks ?? model.state)),
      ...(model.speed ? [h("span", { class: "num", t: "ask.speed", params: { n: number(model.speed, model.speed < 3 ? 1 : 0) } })] : []),
      ...(model.commercial_use === false ? [h("span", { t: "ask.noncommercial" })] : []),
      ...(!ready && model.command ? [copyLine(model.command)] : []),
    );
  }

  showMake() {
    const n = Number(this.takes.value);
    this.button.textContent = "";
    this.button.dataset.t = n > 1 ? "ask.make.takes" : "ask.make";
    this.button.dataset.tParams = JSON.stringify({ n });
    this.button.textContent = t(this.button.dataset.t, { n });
  }

  /** Put a wish into the form: words, length, seed, model, fields, or a whole plan. */
  fill({ prompt, duration, seed, model, fields = {}, loop, plan = null }) {
    if (prompt !== undefined) this.prompt.value = prompt;
    if (duration !== undefined) { this.length.value = duration; this.slider.set(duration); }
    if (seed !== undefined && seed !== null) this.seed.value = seed;
    if (model && this.models.some(({ name }) => name === model)) { this.model.value = model; this.showModelNote(); }
    if (loop !== undefined) this.loop.checked = Boolean(loop);
    this.fields = { ...fields };
    this.plan = plan;
    this.showEcho();
    this.understand();
  }

  dropPlan() {
    this.plan = null;
    this.planNote.hidden = true;
  }

  /** Whether there is something to ask for; says so if not. */
  get hasWish() {
    if (this.prompt.value.trim() || this.plan) return true;
    showTrouble(new api.Problem("wrong", t("ask.empty")), { place: "make" });
    this.prompt.focus();
    return false;
  }

  async make() {
    if (!this.hasWish) return;
    const takes = Number(this.takes.value);
    const due = this.replan.cancel();
    const again = this.used && this.seed.value === "";
    if (again) this.drawn = drawSeed();
    if (due || again) this.understand({ afresh: false });
    this.used = true;
    await this.order({ ...this.body(), ...(takes > 1 ? { variations: takes } : {}) });
  }

  /** Send a body of POST /music/generate. */
  order(body) { return this.send(async () => this.onTracks(await api.generate(body))); }

  /** Send a body of POST /music/compare. */
  contest(body) { return this.send(async () => this.onCompare(await api.compare(body))); }

  /** What can be compared blind: seeds, or models that are ready. */
  offerContest() {
    if (!this.hasWish) return;
    const { seed, model, ...body } = this.body();
    const stack = h("div", { class: "stack" });
    const close = openPop(this.blind, stack, t("ask.blind"));
    const go = (more) => { close(); this.contest({ ...body, ...more }); };
    const first = this.seedValue;
    stack.append(h("div", { class: "menu" }, [2, 3, 4].map((n) => h("button", { type: "button", t: "contest.takes", params: { n }, on: { click: () => go({ model, seeds: Array.from({ length: n }, (_, i) => first + i) }) } }))));
    const ready = this.models.filter(({ state }) => state === "ready");
    if (ready.length > 1) {
      const boxes = ready.map(({ name }) => h("input", { type: "checkbox", value: name }));
      const send = h("button", { type: "button", class: "button small primary", disabled: true, t: "contest.models.go", on: { click: () => go({ seed: seed ?? first, models: boxes.filter(({ checked }) => checked).map(({ value }) => value) }) } });
      const count = () => { const n = boxes.filter(({ checked }) => checked).length; send.disabled = n < 2 || n > 8; };
      stack.append(h("h3", { t: "contest.models" }), ...boxes.map((box) => { box.addEventListener("change", count); return h("label", { class: "switch" }, box, h("span", {}, box.value)); }), h("div", { class: "row" }, send));
    }
    stack.querySelector("button").focus();
  }

  /** Send something; while that is not possible say why, and how it goes on. */
  async send(sending) {
    this.button.disabled = this.blind.disabled = true;
    try {
      await sending();
      clearTrouble("make");
    } catch (problem) {
      showTrouble(problem, {
        place: "make", again: () => this.send(sending),
        models: this.models.filter((model) => model.state === "ready"),
        useModel: (name) => { this.model.value = name; this.showModelNote(); this.make(); },
      });
    } finally {
      this.button.disabled = this.blind.disabled = false;
    }
  }
}
