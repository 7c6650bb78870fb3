/** What made a track, whose it is, and whether it is what was asked for. */

import { h } from "../dom.js";
import { number, t, word } from "../language.js";

function shown(value) {
  if (value === null || value === undefined) return "—";
  if (typeof value === "boolean") return t(value ? "report.yes" : "report.no");
  if (typeof value === "number") return number(value, 2);
  if (typeof value === "string") return word(value);
  if (Array.isArray(value)) return value.map((entry) => (typeof entry === "object" ? sectionText(entry) : shown(entry))).join(", ");
  return Object.entries(value).map(([name, part]) => `${word(name)} ${shown(part)}`).join(", ");
}

const sectionText = ({ kind, start_s: start, level_db: level }) => [kind && word(kind), `${number(start ?? 0, 1)} s`, level !== undefined && `${number(level, 1)} dB`].filter(Boolean).join(" ");

/** The report of a finished track; `models` as the server offers them. */
export function reportOf(record, models) {
  const model = models.find(({ name }) => name === record.model);
  const composed = model ? model.engine === "composer" : record.composition !== null;
  const pair = (key, value) => [h("dt", { t: key }), h("dd", {}, value)];
  const licence = h("dl", {},
    model ? pair("report.code", model.code_licence) : null,
    model ? pair("report.weights", model.weights_licence) : null,
    model ? pair("report.commercial", t(model.commercial_use ? "report.commercial.yes" : "report.commercial.no")) : null,
  );
  const rows = record.report ?? [];
  const table = rows.length ? h("div", { class: "sheet-box", tabindex: 0, role: "region", label: "report.match" }, h("table", { class: "sheet" },
    h("thead", {}, h("tr", {}, ["report.what", "report.asked", "report.planned", "report.measured", "report.agrees"].map((key) => h("th", { scope: "col", t: key })))),
    h("tbody", {}, rows.map((row) => h("tr", {},
      h("th", { scope: "row", t: `word:${row.what}` }), h("td", {}, shown(row.asked)), h("td", {}, shown(row.planned)), h("td", {}, shown(row.measured)),
      h("td", { title: row.note ?? row.tolerance }, row.agrees === null ? "—" : h("span", { class: row.agrees ? "yes" : "no", t: row.agrees ? "report.yes" : "report.no" })))))))
    : h("p", { t: "report.none" });
  return h("div", { class: "report" },
    h("section", {}, h("h3", { t: "report.nature" }), h("p", { t: composed ? "report.nature.notes" : "report.nature.neural" }),
      h("dl", {}, pair("report.model", record.model), pair("report.seed", String(record.seed)), record.wav_sha256 ? pair("report.sha", h("code", {}, record.wav_sha256.slice(0, 16))) : null)),
    h("section", {}, h("h3", { t: "report.licence" }), h("p", { t: "report.licence.yours" }), licence),
    h("section", {}, h("h3", { t: "report.match" }), table),
    h("section", {}, h("h3", { t: "report.time" }), h("dl", {}, Object.entries(record.timings).flatMap(([stage, seconds]) => pair(`stage.${stage}`, `${number(seconds, 2)} s`)))),
  );
}
