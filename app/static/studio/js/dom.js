/** Building and finding elements. Texts come by key (`t`), so that a change of language rewrites them in place. */

import { applyText } from "./language.js";

const AS_PROPERTIES = new Set(["value", "checked", "disabled", "hidden", "min", "max", "step", "type", "selected"]);

/**
 * An element. `t` is the key of its text, `label` the key of its accessible name, `params` what both speak of;
 * `on` has its listeners, `vars` its CSS variables; the rest are attributes.
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "vars") for (const [key, part] of Object.entries(value)) element.style.setProperty(key, part);
    else if (name === "t") element.dataset.t = value;
    else if (name === "label") element.dataset.tLabel = value;
    else if (name === "hint") element.dataset.tHint = value;
    else if (name === "params") element.dataset.tParams = JSON.stringify(value);
    else if (name === "class") element.className = value;
    else if (AS_PROPERTIES.has(name)) element[name] = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false) element.setAttribute(name, value);
  }
  applyText(element);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** A slider whose track is filled up to its thumb; `set` moves it from outside. */
export function slider(props) {
  const input = h("input", { type: "range", ...props });
  const fill = () => input.style.setProperty("--at", `${((input.value - input.min) / (input.max - input.min || 1)) * 100}%`);
  input.addEventListener("input", fill);
  input.set = (value) => { input.value = value; fill(); };
  fill();
  return input;
}

/** Drawings of the buttons: paths in a 24 by 24 square. */
const ICONS = {
  play: "M8 5.5v13l11-6.5z",
  pause: "M7 5h3.6v14H7zM13.4 5H17v14h-3.6z",
  star: "M12 3.8l2.5 5.3 5.8.7-4.3 4 1.1 5.7L12 16.7l-5.1 2.8L8 13.8l-4.3-4 5.8-.7z",
  bin: "M5 7h14M10 7V4.5h4V7M7 7l1 12.5h8L17 7",
  loop: "M17 3l3 3-3 3M4 11V9a3 3 0 0 1 3-3h13M7 21l-3-3 3-3M20 13v2a3 3 0 0 1-3 3H4",
  share: "M12 14V4M8 7.5L12 3.5l4 4M6 12H5v8h14v-8h-1",
  down: "M12 4v11M7.5 11l4.5 4.5 4.5-4.5M5 20h14",
  cross: "M7 7l10 10M17 7L7 17",
  dice: "M8 4h8a4 4 0 0 1 4 4v8a4 4 0 0 1-4 4H8a4 4 0 0 1-4-4V8a4 4 0 0 1 4-4zM8.6 8.6h.01M15.4 15.4h.01M12 12h.01",
  plus: "M12 6v12M6 12h12",
  minus: "M6 12h12",
  stop: "M7 7h10v10H7z",
};
const FILLED = new Set(["play", "pause", "stop"]);

/** A drawing that says nothing to a screen reader. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  path.setAttribute("fill", FILLED.has(name) ? "currentColor" : "none");
  if (!FILLED.has(name)) {
    path.setAttribute("stroke", "currentColor");
    path.setAttribute("stroke-width", "1.8");
    path.setAttribute("stroke-linecap", "round");
    path.setAttribute("stroke-linejoin", "round");
  }
  svg.append(path);
  return svg;
}

/** A round button with a drawing and a name. */
export function iconButton(name, label, listener, props = {}) {
  const { class: more = "", ...rest } = props;
  return h("button", { type: "button", class: `icon-button ${more}`, label, hint: label, on: { click: listener }, ...rest }, icon(name));
}

export const byId = (id) => document.getElementById(id);

/** `listener`, called once things have been quiet for `ms`. Its `cancel` answers whether a call was due. */
export function debounced(ms, listener) {
  let timer = 0;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => { timer = 0; listener(); }, ms);
  };
  later.cancel = () => {
    const due = timer !== 0;
    clearTimeout(timer);
    timer = 0;
    return due;
  };
  return later;
}
