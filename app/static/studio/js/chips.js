/** The chips on the page: each can be changed or dropped, those of the planner kept. */

import { h, icon } from "./dom.js";
import { t, word } from "./language.js";
import { openPop } from "./pop.js";
import { keyText, textOf } from "./understood.js";

export const EDITABLE = new Set(["genre", "tempo_bpm", "key", "time_signature", "loudness_lufs", "moods", "instruments", "exclude_instruments"]);
const TONICS = ["C", "C#", "Db", "D", "Eb", "E", "F", "F#", "Gb", "G", "Ab", "A", "Bb", "B"];
const MODES = ["major", "minor", "dorian", "phrygian", "lydian", "mixolydian", "harmonic_minor"];
const METRES = ["4/4", "3/4", "2/4", "6/8", "12/8", "5/4", "7/8"];

/** The rows of chips. `acts` has set(field, value, old), drop(chip), light(words). */
export function chipRows({ understood, set, free, unknown, conflicts }, acts, addButton) {
  const row = (key, chips) => (chips.length ? h("div", { class: "chip-row" }, h("h3", { t: key }), h("div", { class: "chips" }, chips)) : null);
  return [
    row("ask.understood", understood.map((chip) => chipOf(chip, "said", acts))),
    row("ask.unknown", unknown.map((text) => {
      const chip = h("span", { class: "chip unknown", hint: "chip.unknown", params: { value: text } }, h("span", {}, text));
      light(chip, [text], acts);
      return chip;
    })),
    row("ask.set", [...set.map((chip) => chipOf(chip, "set", acts)), addButton]),
    row("ask.chosen", free.map((chip) => chipOf(chip, "free", acts))),
    conflicts.length ? h("ul", { class: "conflicts" }, conflicts.map((text) => h("li", {}, text))) : null,
  ].filter(Boolean);
}

function light(element, words, acts) {
  element.addEventListener("pointerenter", () => acts.light(words));
  element.addEventListener("pointerleave", () => acts.light([]));
  element.addEventListener("focusin", () => acts.light(words));
  element.addEventListener("focusout", () => acts.light([]));
}

function chipOf(chip, kind, acts) {
  const [key, params = {}] = textOf(chip.field, chip.value);
  const shown = { what: t(`what.${chip.field}`), value: t(key, params) };
  const editable = EDITABLE.has(chip.field);
  const free = kind === "free";
  const body = () => [h("small", { t: chip.role ? `word:${chip.role}` : `what.${chip.field}` }), " ", h("span", { t: key, params })];
  const element = h("span", { class: `chip ${kind}` });
  if (editable) {
    const button = h("button", { type: "button", "aria-label": t(free ? "chip.pin" : "chip.change", shown), on: { click: () => editChip(button, chip, free, acts) } }, body());
    element.append(button);
  } else {
    element.append(h("span", {}, body()));
  }
  if (!free) {
    element.append(h("button", { type: "button", class: "drop", "aria-label": t("chip.drop", shown), title: t("remove"), on: { click: () => acts.drop(chip, kind) } }, dropSign()));
  }
  light(element, chip.words, acts);
  return element;
}

function dropSign() {
  const sign = icon("cross");
  sign.setAttribute("width", "14");
  sign.setAttribute("height", "14");
  return sign;
}

/** A small window in which one field is set; `chip.value` undefined for a new one. */
export function editChip(anchor, chip, pin, acts) {
  const { field, value } = chip;
  const done = (next) => { close(); acts.set(field, next, pin ? undefined : value, chip); };
  const form = h("form", { on: { submit: (event) => { event.preventDefault(); done(read()); } } }, h("h3", { t: `what.${field}` }));
  let read;
  const buttons = h("div", { class: "row" }, h("button", { class: "button small primary", t: "apply" }));
  if (field === "tempo_bpm" || field === "loudness_lufs") {
    const [low, high, step] = field === "tempo_bpm" ? [30, 300, "any"] : [-30, -8, 0.5];
    const input = h("input", { type: "number", min: low, max: high, step, value: value ?? (field === "tempo_bpm" ? 100 : -14), required: true });
    form.append(h("label", {}, h("span", { t: field === "tempo_bpm" ? "field.tempo" : "field.loudness" }), input), buttons);
    read = () => Number(input.value);
  } else if (field === "key") {
    const [tonic = "C", ...mode] = String(value ?? "C major").split(" ");
    const tonicSelect = select(TONICS.map((name) => [name, keyText(name)]), TONICS.includes(tonic) ? tonic : "C");
    const modeSelect = select(MODES.map((name) => [name, word(name)]), mode.join("_") || (MODES.includes(tonic) ? tonic : "major"));
    form.append(h("label", {}, h("span", { t: "field.key" }), tonicSelect), h("label", {}, h("span", { t: "field.mode" }), modeSelect), buttons);
    read = () => `${tonicSelect.value} ${modeSelect.value}`;
  } else if (field === "time_signature") {
    const metre = select(METRES.map((name) => [name, name]), value ?? "4/4");
    form.append(h("label", {}, h("span", { t: "field.metre" }), metre), buttons);
    read = () => metre.value;
  } else {
    const names = acts.names(field);
    const input = h("input", { type: "search", label: "field.search", autofocus: true, autocomplete: "off" });
    const list = h("div", { class: "menu" });
    const fill = () => {
      const wanted = input.value.trim().toLowerCase();
      const found = names.filter((name) => name.replace(/[_-]/g, " ").includes(wanted) || word(name).toLowerCase().includes(wanted)).slice(0, 40);
      list.replaceChildren(...found.map((name) => h("button", { type: "button", t: `word:${name}`, on: { click: () => done(name) } })));
    };
    input.addEventListener("input", fill);
    fill();
    if (pin) form.append(h("div", { class: "row" }, h("button", { class: "button small primary", t: "chip.pin", params: { what: t(`what.${field}`), value: `word:${value}` } })));
    form.append(input, list);
    read = () => (pin ? value : list.querySelector("button")?.textContent && names.find((name) => word(name) === list.querySelector("button").textContent));
  }
  const close = openPop(anchor, form, t(`what.${field}`));
}

function select(options, chosen) {
  return h("select", {}, options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));
}
