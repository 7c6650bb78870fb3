/** What went wrong, and what to do about it: one notice for each place it came from, gone when it no longer holds. */

import { byId, h } from "./dom.js";
import { copyLine, toast } from "./pop.js";
import * as api from "./api.js";
import { t } from "./language.js";

const notices = new Map();

/** Take away what a place had to say. */
export function clearTrouble(place) {
  notices.get(place)?.end();
  notices.delete(place);
}

/** Say what happened. `again` sends once more; of `models` those that could be used instead. */
export function showTrouble(problem, { place = "page", again, models = [], useModel } = {}) {
  if (!(problem instanceof api.Problem)) throw problem; // a mistake of the page is no trouble of the server
  if (problem.kind === "gone") { waitForServer(again); return; }
  clearTrouble(place);
  const lines = [];
  let timer = 0;
  const button = (key, act, params) => h("button", { type: "button", class: "button small", t: key, params, on: { click: act } });
  const titles = { full: "trouble.full", model: problem.command ? "trouble.model" : "trouble.wrong", wrong: "trouble.wrong", missing: "trouble.wrong", policy: "trouble.policy", server: "trouble.server" };
  if (problem.kind === "full") {
    let left = problem.retryAfter ?? 10;
    const what = h("p", { t: "trouble.full.what", params: { n: left } });
    const go = () => { clearTrouble(place); again?.(); };
    if (again) {
      timer = setInterval(() => {
        left -= 1;
        what.textContent = t("trouble.full.what", { n: left });
        if (left <= 0) go();
      }, 1000);
      lines.push(what, h("div", { class: "row" }, button("trouble.full.now", go), button("trouble.full.drop", () => clearTrouble(place))));
    }
  } else if (problem.command) {
    lines.push(h("p", { t: "trouble.model.what" }), copyLine(problem.command));
    const other = models.find((model) => model.default) ?? models[0];
    if (other && useModel) lines.push(h("div", { class: "row" }, button("trouble.model.other", () => { clearTrouble(place); useModel(other.name); }, { name: other.name })));
  } else if (problem.kind === "server" && again) {
    lines.push(h("div", { class: "row" }, button("retry", () => { clearTrouble(place); again(); })));
  }
  const notice = h("div", { class: `notice ${problem.kind === "full" ? "mild" : ""}` },
    h("strong", { t: titles[problem.kind] }),
    ...(problem.kind === "full" ? [] : problem.detail.replace(/\s*Run: .+$/m, "").split("\n").map((text) => h("p", {}, text))),
    lines);
  byId("trouble").append(notice);
  notices.set(place, { end: () => { clearInterval(timer); notice.remove(); } });
}

let waiting = null;

/** The server is gone: say so once, ask every two seconds, and go on by itself. */
export function waitForServer(again) {
  if (waiting) { if (again) waiting.again = again; return; }
  const notice = h("div", { class: "notice" }, h("strong", { t: "trouble.gone" }), h("p", { t: "trouble.gone.what" }));
  byId("trouble").append(notice);
  waiting = { again };
  const timer = setInterval(async () => {
    try { await api.health(); } catch { return; }
    clearInterval(timer);
    notice.remove();
    const then = waiting.again;
    waiting = null;
    toast(t("trouble.back"), { seconds: 3 });
    document.dispatchEvent(new CustomEvent("server-back"));
    then?.();
  }, 2000);
}
