/** Links: one to a track on this server, and one that carries all that makes it again. */

import { h } from "./dom.js";
import { t } from "./language.js";
import { copyLine, openPop } from "./pop.js";

const page = () => location.href.split("#")[0];

async function squeeze(text) {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

async function unsqueeze(text) {
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).text();
}

/** The link that makes a track again: its prompt, seed, model and plan. */
export async function remakeLink({ prompt, seed, model, plan }) {
  return `${page()}#make=${await squeeze(JSON.stringify({ prompt, seed, model, plan }))}`;
}

/** What such a link carries. Throws where it is damaged. */
export async function readRemake(text) {
  const { prompt, seed, model, plan } = JSON.parse(await unsqueeze(text));
  if (typeof prompt !== "string" || typeof plan !== "object" || plan === null || !Array.isArray(plan.form)) throw new Error("no plan");
  return { prompt, seed: Number.isSafeInteger(seed) ? seed : undefined, model, plan, duration: plan.duration_s };
}

export const trackLink = (id) => `${page()}#track=${encodeURIComponent(id)}`;

/** Both links, in a small window. */
export async function openShare(anchor, record) {
  const stack = h("div", { class: "stack" }, h("h3", { t: "share.track" }), h("p", { t: "share.track.what" }), copyLine(trackLink(record.track_id)));
  if (record.plan) stack.append(h("h3", { t: "share.remake" }), h("p", { t: "share.remake.what" }), copyLine(await remakeLink(record)));
  openPop(anchor, stack, t("share.title"));
}
