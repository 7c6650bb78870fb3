/** The one player of the page: a track's file, the track while it is made, or decoded channels; one clock for all. */

import * as api from "./api.js";
import { kept, keep } from "./kept.js";
import { Deck } from "./sound/deck.js";
import { samplesOf, sounding } from "./sound/decode.js";

/** Events: `change` when what plays, or whether, changes; `tick` while it plays. */
export class Player extends EventTarget {
  constructor() {
    super();
    this.element = new Audio();
    this.element.preload = "auto";
    this.track = null;
    this.deck = null;
    this.deckKind = null;
    this.loop = null;
    this.live = false;
    this.pending = false;
    this.renewed = false;
    this.level = kept("volume", 1);
    this.element.volume = this.level;
    for (const name of ["play", "pause", "ended", "durationchange"]) this.element.addEventListener(name, () => this.changed());
    this.element.addEventListener("canplay", () => { this.renewed = false; });
    this.element.addEventListener("ended", () => { if (this.live) this.useFile(this.duration, false); });
    this.element.addEventListener("error", () => { if (this.element.currentSrc && !this.deck && this.element.getAttribute("src")) this.failed(); });
  }

  /** `{ id, title, duration }` of what is to be heard; null for nothing. */
  load(track, { live = false } = {}) {
    this.unload();
    this.track = track;
    this.live = live;
    this.finished = Boolean(track) && !live;
    if (track) this.element.src = live ? api.liveUrl(track.id, "stream") : api.fileUrl(track.id, "mp3");
    this.changed();
  }

  unload() {
    this.dropDeck();
    this.loop = null;
    this.live = false;
    this.brokenOff = null;
    this.element.pause();
    if (this.element.getAttribute("src")) { this.element.removeAttribute("src"); this.element.load(); }
  }

  get playing() { return this.deck ? this.deck.playing : !this.element.paused && !this.element.ended; }
  get time() { return this.deck ? this.deck.time : this.element.currentTime; }
  get duration() { return this.track?.duration ?? 0; }

  async play() {
    if (!this.track) return;
    if (this.deck) this.deck.play();
    else {
      if (this.element.ended || this.element.currentTime >= this.duration - 0.02) this.element.currentTime = 0;
      try {
        await this.element.play();
      } catch (error) {
        // A browser that wants a click first, or a source that was changed meanwhile; the button says what holds.
        if (!["NotAllowedError", "AbortError", "NotSupportedError"].includes(error.name)) throw error;
      }
    }
    this.changed();
    this.tick();
  }

  pause() {
    if (this.deck) this.deck.pause(); else this.element.pause();
    this.changed();
  }

  toggle() { if (this.playing) this.pause(); else this.play(); }

  seek(time) {
    const to = Math.max(0, Math.min(time, this.duration));
    if (this.live && !this.finished) return; // what is made yet has no places to go to, and will have in a moment
    if (this.live) this.useFile(to, this.playing);
    else if (this.deck) this.deck.seek(to);
    else this.element.currentTime = to;
    this.dispatchEvent(new Event("tick"));
  }

  /** The finished file in place of the stream that was heard while it was made. */
  useFile(time, playing) {
    this.live = false;
    if (!this.finished) return;
    this.element.src = api.fileUrl(this.track.id, "mp3");
    this.element.currentTime = time;
    if (playing) this.play(); else this.changed();
  }

  /** Tell that the files exist now; a stream that plays goes on to its end. */
  finish(track) {
    if (this.track?.id !== track.id) return;
    this.track = track;
    this.finished = true;
    const { brokenOff } = this;
    this.brokenOff = null;
    if (brokenOff) this.useFile(brokenOff.time, brokenOff.playing);
    else if (this.live && !this.playing) this.useFile(this.element.currentTime, false);
    this.changed();
  }

  /** Repeat a stretch `{ from, to, name }` to the sample, or null; decodes the track for it. */
  async setLoop(loop, afresh = false) {
    this.loop = loop;
    this.changed();
    if (loop && (afresh || !this.deck)) {
      const { id } = this.track;
      const buffer = await samplesOf(id);
      if (this.track?.id !== id || this.loop !== loop) return;
      this.useDeck([{ name: "mix", buffer }], "track");
    }
    this.deck?.setLoop(loop);
    if (!loop && this.deckKind === "track") this.dropDeck(true);
    this.changed();
    this.tick();
  }

  /** Play decoded channels from where it is; the deck, to set their levels by. */
  useDeck(channels, kind) {
    const { playing, time } = this;
    this.element.pause();
    this.deck?.close();
    this.deckKind = kind;
    this.deck = new Deck(sounding(), channels, () => this.changed());
    this.deck.out.gain.value = this.level;
    this.deck.seek(time);
    this.deck.setLoop(this.loop);
    if (playing) this.deck.play();
    this.changed();
    this.tick();
    return this.deck;
  }

  /** Back to the file. */
  dropDeck(goOn = false) {
    if (!this.deck) return;
    const { playing, time } = this;
    this.deck.close();
    this.deck = null;
    this.deckKind = null;
    if (!goOn) return;
    this.element.currentTime = time;
    if (playing) this.play();
    this.changed();
  }

  get volume() { return this.level; }

  set volume(value) {
    this.level = value;
    this.element.volume = value;
    if (this.deck) this.deck.volume = value;
    keep("volume", value);
  }

  failed() {
    if (this.live) {
      // A stream may break off, or not be offered: the finished file goes on from there, as soon as it is.
      const { time, playing } = this;
      this.live = false;
      this.element.removeAttribute("src");
      if (this.finished) this.useFile(time, playing); else this.brokenOff = { time, playing };
    } else if (api.hasKey() && !this.renewed) this.renew();
    else this.dispatchEvent(new Event("unplayable"));
    this.changed();
  }

  /** A signed address is good for a while: asking for the track again signs a new one, and it goes on where it was. */
  async renew() {
    const { track, time, playing } = this;
    this.renewed = true;
    try { await api.track(track.id); } catch { /* then it cannot be loaded, which is said */ }
    if (this.track === track && !this.deck) this.useFile(time, playing);
  }

  changed() {
    this.dispatchEvent(new Event("change"));
    if (this.playing) this.tick();
  }

  /** One event a frame while it plays. */
  tick() {
    if (this.frame) return;
    const step = () => {
      this.frame = 0;
      this.dispatchEvent(new Event("tick"));
      if (this.playing) this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }
}
