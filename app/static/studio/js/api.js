/** The service, as the page sees it. Every failure is a `Problem` that knows what kind of trouble it is. */

/** Where the service answers: beside the page, also below a proxy's prefix. */
export const BASE = new URL(".", document.baseURI).href;

export class Problem extends Error {
  /** `kind`: gone, full, model, wrong, missing, policy or server; `retryAfter` in seconds. */
  constructor(kind, detail, { status = 0, retryAfter = null, command = null } = {}) {
    super(detail);
    Object.assign(this, { kind, detail, status, retryAfter, command });
  }
}

const KINDS = { 400: "wrong", 403: "policy", 404: "missing", 409: "model", 413: "wrong", 422: "wrong", 429: "full" };

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
      headers: body === undefined ? {} : { "Content-Type": "application/json" },
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
export const track = (id) => call(`music/tracks/${encodeURIComponent(id)}`);
export const tracks = (cursor) => call(`music/tracks?limit=100${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ""}`);
export const cancel = (id) => post(`music/tracks/${encodeURIComponent(id)}/cancel`);
export const remove = (id, keepalive = false) => call(`music/tracks/${encodeURIComponent(id)}`, { method: "DELETE", keepalive });
export const health = () => call("health");

/** Address of one form of a track, from here whatever the public address is. */
export const fileUrl = (id, form) => new URL(`downloads/${encodeURIComponent(id)}.${form}`, BASE).href;
export const fileBytes = (id, form, signal) => call(`downloads/${encodeURIComponent(id)}.${form}`, { raw: true, signal }).then((answer) => answer.arrayBuffer());
export const fileJson = (id, form, signal) => call(`downloads/${encodeURIComponent(id)}.${form}`, { raw: true, signal }).then((answer) => answer.json());
export const eventsUrl = (id) => new URL(`music/tracks/${encodeURIComponent(id)}/events`, BASE).href;
export const streamUrl = (id) => new URL(`music/tracks/${encodeURIComponent(id)}/stream`, BASE).href;
