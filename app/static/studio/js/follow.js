/** A track on its way: told by server-sent events where the server has them, else by asking. */

import * as api from "./api.js";
import { waitForServer } from "./trouble.js";

const EVERY_MS = 500;
const hasEvents = () => document.querySelector('meta[name="studio-events"]') !== null;

/**
 * Follow a track until it has ended. `onRecord(record)` is told the whole record whenever something big changes,
 * `onProgress(stage, progress)` the rest, `onGone(problem)` that it is not there. A function that stops it.
 */
export function follow(id, { onRecord, onProgress, onGone }) {
  let over = false;
  let timer = 0;
  let source = null;
  const look = async () => {
    try {
      const record = await api.track(id);
      if (over) return null;
      onRecord(record);
      if (record.status !== "processing") stop();
      return record;
    } catch (problem) {
      if (over) return null;
      if (problem.kind === "gone") waitForServer(() => { if (!over) begin(); });
      else { stop(); onGone(problem); }
      return null;
    }
  };
  const stop = () => {
    over = true;
    clearTimeout(timer);
    source?.close();
  };
  const ask = async () => {
    const record = await look();
    if (!over && record) timer = setTimeout(ask, document.hidden ? 4 * EVERY_MS : EVERY_MS);
  };
  const listen = () => {
    source = new EventSource(api.eventsUrl(id));
    const progress = (event) => { const told = JSON.parse(event.data); if (!over) onProgress(told.stage, told.progress); };
    for (const name of ["stage", "progress"]) source.addEventListener(name, progress);
    for (const name of ["plan", "completed", "failed"]) source.addEventListener(name, look);
    source.onerror = () => { // closed for good, or gone: asking tells which
      source.close();
      if (!over) timer = setTimeout(ask, EVERY_MS);
    };
  };
  const begin = async () => {
    const record = await look();
    if (over || !record) return;
    if (hasEvents()) listen(); else timer = setTimeout(ask, EVERY_MS);
  };
  begin();
  return stop;
}
