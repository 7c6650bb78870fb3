/** Small windows beside what opened them, and messages that pass. The browser closes popovers on Escape and outside. */

import { byId, h } from "./dom.js";
import { t } from "./language.js";

/** Show `content` beside `anchor`; a function that closes it. Focus goes in and comes back. */
export function openPop(anchor, content, title) {
  const pop = h("div", { class: "pop", popover: "auto", role: "dialog", ...(title ? { "aria-label": title } : {}) }, content);
  document.body.append(pop);
  pop.showPopover();
  place(pop, anchor);
  const again = () => place(pop, anchor);
  window.addEventListener("resize", again);
  pop.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    window.removeEventListener("resize", again);
    const inside = pop.contains(document.activeElement) || document.activeElement === document.body;
    pop.remove();
    if (inside && anchor.isConnected) anchor.focus({ preventScroll: true });
  });
  pop.querySelector("[autofocus], input, select, a, button")?.focus({ preventScroll: true });
  return () => { if (pop.isConnected) pop.hidePopover(); };
}

function place(pop, anchor) {
  const at = anchor.getBoundingClientRect();
  const { width, height } = pop.getBoundingClientRect();
  const below = at.bottom + 8 + height <= innerHeight || at.top < height + 16;
  pop.style.left = `${Math.round(Math.max(12, Math.min(at.left, innerWidth - width - 12)))}px`;
  pop.style.top = `${Math.round(Math.max(12, below ? Math.min(at.bottom + 8, innerHeight - height - 12) : at.top - height - 8))}px`;
}

/** A message for some seconds, with at most one thing to do about it. */
export function toast(text, { action, onAction, onGone, seconds = 6 } = {}) {
  let done = false;
  const end = (acted) => {
    if (done) return;
    done = true;
    clearTimeout(timer);
    message.remove();
    if (!acted) onGone?.();
  };
  const message = h("div", { class: "toast" }, h("span", {}, text));
  if (action) message.append(h("button", { type: "button", class: "button small", t: action, on: { click: () => { end(true); onAction(); } } }));
  byId("toasts").append(message);
  const timer = setTimeout(() => end(false), seconds * 1000);
  return end;
}

/** A line to copy, such as a command or a link. */
export function copyLine(text) {
  const button = h("button", { type: "button", class: "button small", t: "copy", on: { click: async () => { await copy(text, line.firstChild); button.textContent = t("copied"); } } });
  const line = h("div", { class: "command" }, h("code", {}, text), button);
  return line;
}

/** Copy by the clipboard; where that is not allowed (plain http from afar) select the text, so that Ctrl+C does it. */
export async function copy(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const range = document.createRange();
    range.selectNodeContents(shown);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    document.execCommand("copy");
  }
}
