/** A track on its way: told by server-sent events, else (an older server, a proxy that holds them back) by asking. */

import * as api from "./api.js";
import { waitForServer } from "./trouble.js";

const EVERY_MS = 500;
/** Silence after which a proxy is thought to hold the events back; the server is seldom silent so long while it works. */
const SILENT_MS = 12000;

/**
 * Follow a track until it has ended. `onRecord(record)` is told the whole record whenever something big changes,
 * `onProgress(stage, progress)` the rest, `onPreview()` that it can be heard already, `onGone(problem)` that it is
 * not there. A function that stops it.
 */
export function follow(id, { onRecord, onProgress, onPreview, onGone }) {
  let over = false;
  let timer = 0;
  let source = null;
  const stop = () => {
    over = true;
    clearTimeout(timer);
    source?.close();
  };
  const look = async () => {
    try {
      const record = await api.track(id);
      if (over) return null;
      onRecord(record);
      if (record.status !== "processing") stop();
      return record;
    } catch (problem) {
      if (over) return null;
      source?.close();
      if (problem.kind === "gone") waitForServer(() => { if (!over) begin(); });
      else { stop(); onGone(problem); }
      return null;
    }
  };
  const ask = async () => {
    const record = await look();
    if (record?.audible) onPreview();
    if (!over && record) timer = setTimeout(ask, document.hidden ? 4 * EVERY_MS : EVERY_MS);
  };
  const askInstead = (after) => {
    clearTimeout(timer);
    timer = setTimeout(() => { source?.close(); ask(); }, after);
  };
  const listen = () => {
    source = new EventSource(api.liveUrl(id, "events"));
    const hear = (name, act) => source.addEventListener(name, (event) => {
      if (over) return;
      askInstead(SILENT_MS);
      act(JSON.parse(event.data));
    });
    for (const name of ["stage", "progress"]) hear(name, (told) => onProgress(told.stage, told.progress));
    for (const name of ["plan", "completed", "failed", "cancelled", "removed"]) hear(name, look);
    hear("preview", () => onPreview());
    source.onerror = () => {
      if (over) return;
      if (source.readyState === EventSource.CLOSED) askInstead(0); else look(); // it comes back by itself, or is gone
    };
    askInstead(SILENT_MS);
  };
  const begin = async () => {
    const record = await look();
    if (over || !record) return;
    // An EventSource sends no headers: where a key is asked for it needs an address that is signed.
    if (api.opensLive(id, "events")) listen(); else timer = setTimeout(ask, EVERY_MS);
  };
  begin();
  return stop;
}
