/** The page begins here: makes its parts and joins them. What is open stands in the address. */

import * as api from "./api.js";
import { Ask } from "./ask.js";
import { byId } from "./dom.js";
import { kept, keep } from "./kept.js";
import { firstLanguage, language, setLanguage, t } from "./language.js";
import { Library } from "./library.js";
import { Player } from "./player.js";
import { toast } from "./pop.js";
import { readRemake } from "./share.js";
import { showTransport } from "./transport.js";
import { showTrouble } from "./trouble.js";
import { Change } from "./views/change.js";
import { Contest } from "./views/contest.js";
import { Mixer } from "./views/mixer.js";
import { TrackView } from "./views/track.js";

const player = new Player();
showTransport(player);

const library = new Library({
  onOpen: (id) => go(`track=${id}`),
  onDeleted: (id) => { if (view.id === id) { view.close(); go(""); } },
});

const view = new TrackView(player, {
  onRecord: (record) => { library.update(record); showLamp(); },
  onDelete: (record) => library.remove(record.track_id, record.prompt),
  onAgain: (record) => {
    ask.fill({ prompt: record.prompt, duration: record.duration, seed: record.seed, model: record.model, fields: fieldsOf(record) });
    ask.make();
  },
  panes: [
    { key: "tab.mix", fits: (record) => "stems.zip" in record.files, build: (record) => new Mixer(player, record) },
    { key: "tab.change", fits: (record) => record.plan !== null, build: (record) => new Change(player, record, changes) },
  ],
});

const contest = new Contest(player, { onTrack: (id) => go(`track=${id}`) });

let playable = null;

/** What the pane of changes may do. */
const changes = {
  make: (body) => ask.order(body),
  contest: (body) => ask.contest(body),
  open: (id) => go(`track=${id}`),
  relatives: (record) => library.relatives(record),
  playable: async () => {
    playable ??= (await api.instruments()).playable;
    return playable;
  },
};

const ask = new Ask({
  onTracks: (answer) => {
    next = { listen: true };
    go(`track=${answer.track_id}`);
    library.refresh();
  },
  onCompare: (answer) => {
    go(`compare=${answer.comparison_id}`);
    library.refresh();
  },
});

let next = {};

/** Explicit fields of a track, as a form has them. */
function fieldsOf({ asked }) {
  const { plan: _plan, loop: _loop, ...fields } = asked ?? {};
  return fields;
}

function go(hash) {
  if (location.hash.slice(1) === hash) open(); else location.hash = hash;
}

/** Open what the address names. */
async function open() {
  const [what, value] = [location.hash.slice(1).split("=")[0], decodeURIComponent(location.hash.slice(1).split("=").slice(1).join("="))];
  const options = next;
  next = {};
  if (what !== "compare") contest.close();
  if (what === "compare" && value) {
    library.mark(null);
    view.close();
    contest.open(value);
  } else if (what === "track" && value) {
    library.mark(value);
    view.open(value, options);
  } else if (what === "make" && value) {
    try {
      ask.fill(await readRemake(value));
      toast(t("remake.loaded"));
    } catch {
      showTrouble(new api.Problem("wrong", t("remake.broken")), { place: "link" });
    }
  } else if (what === "library") {
    byId("library").scrollIntoView();
  } else {
    library.mark(null);
    view.close();
  }
}

function showLamp(state) {
  const lamp = byId("lamp");
  if (state) lamp.dataset.state = state;
  const busy = lamp.dataset.state !== "down" && view.record?.status === "processing";
  if (lamp.dataset.state !== "down") lamp.dataset.state = busy ? "busy" : "up";
  const key = `lamp.${lamp.dataset.state}`;
  if (lamp.dataset.t !== key) { lamp.dataset.t = key; lamp.textContent = t(key); }
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  document.dispatchEvent(new CustomEvent("theme"));
}

const dark = matchMedia("(prefers-color-scheme: dark)");
setTheme(kept("theme", null) ?? (dark.matches ? "dark" : "light"));
dark.addEventListener("change", () => { if (kept("theme", null) === null) setTheme(dark.matches ? "dark" : "light"); });
byId("theme").addEventListener("click", () => {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  keep("theme", theme);
  setTheme(theme);
});

setLanguage(firstLanguage());
byId("language").value = language();
byId("language").addEventListener("change", (event) => setLanguage(event.target.value));
document.addEventListener("server", (event) => showLamp(event.detail));
player.addEventListener("unplayable", () => toast(t("play.unplayable")));
window.addEventListener("hashchange", open);

ask.load();
library.load();
open();
if (matchMedia("(hover: hover)").matches && !location.hash) byId("prompt").focus();
