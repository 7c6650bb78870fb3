/** Decoded sounds that play as one: started at the same sample, looped there, each with a level of its own. */

/** Time before a start that all sources can meet. */
const AHEAD_S = 0.03;
/** How fast a level follows, so that nothing clicks. */
const GLIDE_S = 0.012;

export class Deck {
  /** `channels`: `{ name, buffer }` of equal length. `onEnd` is called when the end was reached. */
  constructor(context, channels, onEnd) {
    this.context = context;
    this.onEnd = onEnd;
    this.out = context.createGain();
    this.out.connect(context.destination);
    this.channels = channels.map(({ name, buffer }) => {
      const gain = context.createGain();
      const meter = context.createAnalyser();
      meter.fftSize = 2048;
      gain.connect(meter);
      meter.connect(this.out);
      return { name, buffer, gain, meter, scratch: new Float32Array(meter.fftSize) };
    });
    this.duration = Math.max(...channels.map(({ buffer }) => buffer.duration));
    this.position = 0;
    this.playing = false;
    this.loop = null;
  }

  get time() {
    if (!this.playing) return this.position;
    const passed = Math.max(0, this.context.currentTime - this.startedAt);
    const time = this.position + passed;
    if (this.loop && time >= this.loop.to && this.position < this.loop.to) {
      const length = this.loop.to - this.loop.from;
      return this.loop.from + ((time - this.loop.from) % length);
    }
    return Math.min(time, this.duration);
  }

  play() {
    if (this.playing) return;
    if (this.position >= this.duration - 0.01) this.position = this.loop?.from ?? 0;
    if (this.context instanceof AudioContext) this.context.resume(); // browsers let it start only after a click
    this.startedAt = this.context.currentTime + AHEAD_S;
    this.sources = this.channels.map((channel) => {
      const source = this.context.createBufferSource();
      source.buffer = channel.buffer;
      if (this.loop && this.position < this.loop.to) {
        source.loop = true;
        source.loopStart = this.loop.from;
        source.loopEnd = this.loop.to;
      }
      source.connect(channel.gain);
      source.start(this.startedAt, this.position);
      return source;
    });
    this.playing = true;
    const first = this.sources[0];
    first.onended = () => {
      if (this.sources?.[0] !== first || !this.playing) return;
      this.stopSources();
      this.position = this.duration;
      this.onEnd?.();
    };
  }

  pause() {
    if (!this.playing) return;
    this.position = this.time;
    this.stopSources();
  }

  stopSources() {
    this.playing = false;
    for (const source of this.sources ?? []) { source.onended = null; source.stop(); source.disconnect(); }
    this.sources = null;
  }

  seek(time) {
    const playing = this.playing;
    if (playing) this.stopSources();
    this.position = Math.max(0, Math.min(time, this.duration));
    if (playing) this.play();
  }

  /** Repeat a stretch `{ from, to }`, or null for none. */
  setLoop(loop) {
    const time = this.time;
    const playing = this.playing;
    if (playing) this.stopSources();
    this.loop = loop;
    this.position = loop && (time < loop.from || time >= loop.to) ? loop.from : time;
    if (playing) this.play();
  }

  /** Level of a channel as an amplitude, reached without a click. */
  setGain(index, gain) {
    this.channels[index].gain.gain.setTargetAtTime(gain, this.context.currentTime, GLIDE_S);
  }

  set volume(value) { this.out.gain.setTargetAtTime(value, this.context.currentTime, GLIDE_S); }

  /** Peak of what a channel plays now, as an amplitude. */
  peak(index) {
    const { meter, scratch } = this.channels[index];
    if (!this.playing) return 0;
    meter.getFloatTimeDomainData(scratch);
    let peak = 0;
    for (const sample of scratch) peak = Math.max(peak, Math.abs(sample));
    return peak;
  }

  close() {
    if (this.playing) this.stopSources();
    this.out.disconnect();
  }
}
