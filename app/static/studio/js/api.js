/** The service, as the page sees it. Every failure is a `Problem` that knows what kind of trouble it is. */

import { keep, kept } from "./kept.js";

/** Where the service answers: beside the page, also below a proxy's prefix. */
export const BASE = new URL(".", document.baseURI).href;

export class Problem extends Error {
  /** `kind`: gone, full, key, model, wrong, missing, policy or server; `retryAfter` in seconds. */
  constructor(kind, detail, { status = 0, retryAfter = null, command = null } = {}) {
    super(detail);
    Object.assign(this, { kind, detail, status, retryAfter, command });
  }
}

/** The key of a server that asks for one; kept in this browser alone. */
let key = kept("key", null);

export const hasKey = () => key !== null;

/** Use a key from now on; null for none. */
export function setKey(value) {
  key = value;
  keep("key", value);
}

/** What signs an address where keys are asked for: players, links and event sources send no headers. By id and form. */
const signed = new Map();

function remember(record) {
  if (key === null) return record;
  for (const [form, file] of Object.entries(record.files ?? {})) signed.set(`${record.track_id}.${form}`, new URL(file.url).search);
  for (const what of ["events", "stream"]) if (record[`${what}_url`]) signed.set(`${record.track_id}/${what}`, new URL(record[`${what}_url`]).search);
  return record;
}

const KINDS = { 401: "key", 400: "wrong", 403: "policy", 404: "missing", 409: "model", 413: "wrong", 422: "wrong", 429: "full" };

async function problemOf(answer) {
  let detail = answer.statusText;
  try {
    const body = await answer.json();
    detail = Array.isArray(body.detail) ? body.detail.map((fault) => `${fault.loc.slice(1).join(" › ") || "body"}: ${fault.msg}`).join("\n") : body.detail;
  } catch { /* a proxy's page says nothing to people */ }
  const retryAfter = Number(answer.headers.get("retry-after")) || null;
  const full = answer.status === 503 && (retryAfter !== null || /queue is full/i.test(detail));
  const kind = full ? "full" : [502, 504].includes(answer.status) ? "gone" : (KINDS[answer.status] ?? "server");
  const command = /Run: (.+)$/m.exec(detail)?.[1].trim() ?? null;
  return new Problem(kind, detail, { status: answer.status, retryAfter, command });
}

/** Ask the service; the answer's JSON, null for none. Tells the page when the server goes and comes. */
export async function call(path, { method = "GET", body, signal, raw = false, keepalive = false } = {}) {
  let answer;
  try {
    answer = await fetch(new URL(path, BASE), {
      method, signal, keepalive,
      headers: { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...(key === null ? {} : { "X-API-Key": key }) },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    document.dispatchEvent(new CustomEvent("server", { detail: "down" }));
    throw new Problem("gone", String(error.message));
  }
  if (!answer.ok) {
    const problem = await problemOf(answer);
    document.dispatchEvent(new CustomEvent("server", { detail: problem.kind === "gone" ? "down" : "up" }));
    throw problem;
  }
  document.dispatchEvent(new CustomEvent("server", { detail: "up" }));
  if (raw) return answer;
  return answer.status === 204 ? null : answer.json();
}

const post = (path, body, more = {}) => call(path, { method: "POST", body, ...more });

export const plan = (body, signal) => post("music/plan", body, { signal });
export const generate = (body) => post("music/generate", body);
export const compare = (body) => post("music/compare", body);
export const comparison = (id, blind) => call(`music/compare/${encodeURIComponent(id)}?blind=${blind}`);
export const vote = (id, winner) => post(`music/compare/${encodeURIComponent(id)}/vote`, { winner });
export const models = () => call("music/models").then((answer) => answer.models);
export const vocabulary = (what) => call(`music/${what}`).then((answer) => answer[what]);
export const instruments = () => call("music/instruments");
export const track = (id) => call(`music/tracks/${encodeURIComponent(id)}`).then(remember);
export const tracks = (cursor) => call(`music/tracks?limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`).then((page) => { page.tracks.forEach(remember); return page; });
export const cancel = (id) => post(`music/tracks/${encodeURIComponent(id)}/cancel`);
export const remove = (id, keepalive = false) => call(`music/tracks/${encodeURIComponent(id)}`, { method: "DELETE", keepalive });
export const health = () => call("health");

/** Address of one form of a track, from here whatever the public address is. */
export const fileUrl = (id, form) => new URL(`downloads/${encodeURIComponent(id)}.${form}${signed.get(`${id}.${form}`) ?? ""}`, BASE).href;
export const fileBytes = (id, form, signal) => call(`downloads/${encodeURIComponent(id)}.${form}`, { raw: true, signal }).then((answer) => answer.arrayBuffer());
export const fileJson = (id, form, signal) => call(`downloads/${encodeURIComponent(id)}.${form}`, { raw: true, signal }).then((answer) => answer.json());

/** Where a track is followed ("events") or heard while it is made ("stream"). */
export const liveUrl = (id, what) => new URL(`music/tracks/${encodeURIComponent(id)}/${what}${signed.get(`${id}/${what}`) ?? ""}`, BASE).href;

/** Whether that opens without a header: no key is asked for, or the record named a signed address. */
export const opensLive = (id, what) => key === null || Boolean(signed.get(`${id}/${what}`));
