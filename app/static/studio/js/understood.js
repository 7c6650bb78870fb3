/** From a plan's answer to chips: what the words said, what the user set, and what was left to the planner. */

/** Fields of a request that a chip can set, in the order they are shown. */
export const SINGLE = ["genre", "tempo_bpm", "key", "time_signature", "loudness_lufs"];
export const LISTS = ["moods", "instruments", "exclude_instruments"];

const pace = (value) => (value < -0.25 ? "value.pace.slow" : value > 0.25 ? "value.pace.fast" : "value.pace.mid");
const density = (value) => (value < -0.25 ? "value.density.low" : value > 0.25 ? "value.density.high" : "value.density.mid");

/** What a chip says of a field's value: a key and its parameters. */
export function textOf(field, value) {
  switch (field) {
    case "tempo_bpm": return ["value.bpm", { n: Math.round(value * 10) / 10 }];
    case "loudness_lufs": return ["value.lufs", { n: value }];
    case "tempo_feel": return [pace(value)];
    case "density": return [density(value)];
    case "drums": return [value ? "value.with" : "value.without"];
    case "solo": return ["value.solo"];
    case "loop": return ["value.loop"];
    case "exclude_instruments": case "excluded_genres": return ["chip.without", { value: `word:${value}` }];
    case "key": {
      const [tonic, ...mode] = String(value).split(" ");
      return mode.length ? ["value.key", { tonic: keyText(tonic), mode: `word:${mode.join("_")}` }] : [`word:${keyText(tonic)}`];
    }
    case "time_signature": return [`raw:${value}`];
    default: return [`word:${value}`];
  }
}

/** A key as it is shown; the mode is translated where the language has a word. */
export function keyText(value) {
  return String(value).replace(/^([A-Ga-g])#/, "$1♯").replace(/^([A-Ga-g])b(?=\s|$|m)/, "$1♭").replace(/_/g, " ");
}

/** The chips of one answer of `POST /music/plan`, given what the user set. */
export function chipsOf(answer, fields) {
  const { brief, plan } = answer;
  const understood = [];
  const set = [];
  for (const field of SINGLE) if (fields[field] !== undefined) set.push({ field, value: fields[field], words: [] });
  for (const field of LISTS) for (const value of fields[field] ?? []) set.push({ field, value, words: [] });

  const said = (field, entry) => {
    if (!entry || entry.words.some((text) => text.includes("=")) ) return;
    understood.push({ field, value: entry.value, words: entry.words });
  };
  if (fields.genre === undefined) said("genre", brief.genre);
  for (const entry of brief.excluded_genres ?? []) said("excluded_genres", entry);
  if (!fields.moods?.length) for (const entry of brief.moods) said("moods", entry);
  if (fields.tempo_bpm === undefined) {
    said("tempo_bpm", brief.tempo_bpm);
    if (!brief.tempo_bpm) said("tempo_feel", brief.tempo_feel);
  }
  if (fields.key === undefined && (brief.tonic || brief.mode)) {
    const value = [brief.tonic?.value, brief.mode?.value].filter(Boolean).join(" ");
    said("key", { value, words: [...new Set([...(brief.tonic?.words ?? []), ...(brief.mode?.words ?? [])])] });
  }
  if (fields.time_signature === undefined) said("time_signature", brief.time_signature);
  for (const field of ["feel"]) said(field, brief[field]);
  const without = new Set(fields.exclude_instruments ?? []);
  for (const entry of brief.instruments) if (!without.has(entry.value)) said("instruments", entry);
  for (const entry of brief.excluded_instruments) said("exclude_instruments", entry);
  for (const field of ["drums", "lead", "density", "arc", "use", "solo", "loop", "loudness_lufs"]) if (fields[field] === undefined) said(field, brief[field]);
  for (const entry of brief.manners ?? []) said("manners", entry);

  const has = new Set([...understood, ...set].map((chip) => chip.field));
  const free = [];
  const chosen = (field, value) => { if (!has.has(field)) free.push({ field, value, words: [] }); };
  if (!has.has("genre")) free.push({ field: "style", value: plan.style, words: [] });
  chosen("tempo_bpm", Math.round(plan.tempo_bpm));
  chosen("key", `${plan.tonic} ${plan.mode}`);
  chosen("time_signature", plan.time_signature);
  const named = new Set([...understood, ...set].filter((chip) => chip.field === "instruments").map((chip) => chip.value));
  for (const voice of plan.ensemble) if (!named.has(voice.instrument)) free.push({ field: "instruments", value: voice.instrument, words: [], role: voice.role });
  return {
    understood: unique(understood), set, free: unique(free),
    unknown: brief.not_understood ?? [],
    conflicts: brief.conflicts ?? [],
  };
}

function unique(chips) {
  const seen = new Set();
  return chips.filter(({ field, value }) => !seen.has(`${field}=${value}`) && seen.add(`${field}=${value}`));
}

/** Where words stand in the prompt: [start, end] of each, whole words only, whatever their case. */
export function placesOf(prompt, words) {
  const places = [];
  for (const text of words) {
    const escaped = text.trim().replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/\s+/g, "\\s+");
    if (!escaped) continue;
    const edge = (side, letter) => (/[\p{L}\p{N}]/u.test(letter) ? side : "");
    const pattern = `${edge("(?<![\\p{L}\\p{N}])", text.trim()[0])}${escaped}${edge("(?![\\p{L}\\p{N}])", text.trim().at(-1))}`;
    for (const match of prompt.matchAll(new RegExp(pattern, "giu"))) places.push([match.index, match.index + match[0].length]);
  }
  return places;
}

/** Words that the conflicts quote. */
export const quoted = (conflicts) => conflicts.flatMap((text) => [...text.matchAll(/“([^”]+)”/g)].map((match) => match[1]));

/** The prompt without words, tidied of the commas and blanks they leave. */
export function withoutWords(prompt, words) {
  let text = prompt;
  for (const [start, end] of placesOf(prompt, words).sort((a, b) => b[0] - a[0])) text = text.slice(0, start) + text.slice(end);
  return text.replace(/\s+([,.;])/g, "$1").replace(/([,;])(\s*[,;])+/g, "$1").replace(/\s{2,}/g, " ").replace(/^[\s,;.]+|[\s,;]+$/g, "");
}
