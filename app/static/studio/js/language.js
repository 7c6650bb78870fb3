/** The page's language. Every text is found by key; what the tables lack (names of instruments) is read as it is. */

import english from "./words/en.js";
import spanish from "./words/es.js";

const TABLES = { en: english, es: spanish };
const KEY = "studio.language";

let current = "en";

export const language = () => current;

/** The text of a key, with `{name}` replaced. A key `word:value` is a musical word, `raw:text` the text itself. */
export function t(key, params = {}) {
  if (key.startsWith("raw:")) return key.slice(4);
  if (key.startsWith("word:")) return word(key.slice(5));
  const text = TABLES[current][key] ?? english[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => (typeof params[name] === "string" && params[name].startsWith("word:") ? word(params[name].slice(5)) : (params[name] ?? "")));
}

/** A name of the vocabulary as people write it: `acoustic_grand_piano`, `drum-and-bass`. */
export function word(value) {
  return TABLES[current].$words[value] ?? english.$words[value] ?? String(value).replace(/_(\d+)$/, " $1").replace(/[_-]/g, " ");
}

/** A number as the language writes it. */
export const number = (value, digits = 0) => new Intl.NumberFormat(current, { maximumFractionDigits: digits }).format(value);

/** Minutes and seconds. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds + 1e-6));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** How long ago, in words. */
export function ago(iso) {
  const seconds = (Date.now() - Date.parse(iso)) / 1000;
  const format = new Intl.RelativeTimeFormat(current, { numeric: "auto", style: "short" });
  for (const [unit, size] of [["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (seconds >= size) return format.format(-Math.floor(seconds / size), unit);
  }
  return t("now");
}

/** Write the texts that an element's keys name. */
export function applyText(element) {
  const { t: key, tLabel, tHint, tPlaceholder, tParams } = element.dataset;
  const params = tParams ? JSON.parse(tParams) : {};
  if (key) element.textContent = t(key, params);
  if (tLabel) element.setAttribute("aria-label", t(tLabel, params));
  if (tHint) element.title = t(tHint, params);
  if (tPlaceholder) element.setAttribute("placeholder", t(tPlaceholder, params));
}

/** Speak another language from now on, in every text on the page. */
export function setLanguage(name) {
  current = name in TABLES ? name : "en";
  document.documentElement.lang = current;
  try { localStorage.setItem(KEY, current); } catch { /* a browser that keeps nothing asks again next time */ }
  for (const element of document.querySelectorAll("[data-t],[data-t-label],[data-t-hint],[data-t-placeholder]")) applyText(element);
  document.dispatchEvent(new CustomEvent("language"));
}

/** What was chosen before, else what the browser prefers. */
export function firstLanguage() {
  let kept = null;
  try { kept = localStorage.getItem(KEY); } catch { /* see setLanguage */ }
  return kept ?? (navigator.languages?.some((tag) => tag.startsWith("es")) && !navigator.language.startsWith("en") ? "es" : "en");
}
