/** The bar at the bottom: play, where it is, how loud. */

import { byId, h, icon, iconButton, slider } from "./dom.js";
import { clock, t } from "./language.js";

export function showTransport(player) {
  const bar = byId("transport");
  const button = h("button", { type: "button", class: "play", id: "play", label: "play.play", "aria-pressed": "false", on: { click: () => player.toggle() } }, icon("play"), icon("pause"));
  button.children[0].classList.add("tri");
  button.children[1].classList.add("bars");
  const title = h("b", {});
  const note = h("span", { class: "live" });
  const times = h("span", { class: "clock num" });
  const reel = slider({ min: 0, max: 1, step: 0.01, value: 0, id: "reel", label: "listen.position", on: { input: () => player.seek(Number(reel.value)) } });
  const volume = slider({ min: 0, max: 1, step: 0.01, value: player.volume, label: "play.volume", on: { input: () => { player.volume = Number(volume.value); } } });
  const loop = iconButton("loop", "ask.loop", () => player.setLoop(player.loop ? null : { from: 0, to: player.duration, name: player.track.title, whole: true }), { "aria-pressed": "false", id: "loop-all" });
  bar.append(button, h("div", { class: "reel" }, h("div", { class: "title" }, title, note, times), reel), h("div", { class: "ends" }, loop, volume));

  const showTime = () => {
    const { time, duration } = player;
    reel.set(time);
    reel.setAttribute("aria-valuetext", `${clock(time)} / ${clock(duration)}`);
    times.textContent = `${clock(time)} / ${clock(duration)}`;
  };
  const show = () => {
    bar.hidden = !player.track;
    if (!player.track) return;
    title.textContent = player.track.title;
    button.dataset.tLabel = player.playing ? "play.pause" : "play.play";
    button.setAttribute("aria-label", t(button.dataset.tLabel));
    button.setAttribute("aria-pressed", String(player.playing));
    note.textContent = player.loop && !player.loop.whole ? t("play.looping", { name: player.loop.name }) : player.live && player.playing ? t("play.live") : "";
    loop.setAttribute("aria-pressed", String(Boolean(player.loop)));
    loop.disabled = player.live;
    reel.max = player.duration;
    showTime();
  };
  player.addEventListener("change", show);
  player.addEventListener("tick", showTime);
  document.addEventListener("language", show);
  document.addEventListener("keydown", (event) => {
    if (event.key !== " " || event.ctrlKey || event.metaKey || event.altKey || !player.track) return;
    if (event.target.closest("input, textarea, select, button, a, [role=tab], [role=slider]")) return;
    event.preventDefault();
    player.toggle();
  });
}
