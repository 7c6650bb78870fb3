/** A standard MIDI file → what a picture needs: notes by part, bars, chords and sections, all in seconds. */

class Reader {
  constructor(bytes) { this.view = new DataView(bytes); this.at = 0; }
  byte() { return this.view.getUint8(this.at++); }
  short() { this.at += 2; return this.view.getUint16(this.at - 2); }
  long() { this.at += 4; return this.view.getUint32(this.at - 4); }
  /** A number of variable length: seven bits a byte. */
  count() {
    let value = 0;
    for (;;) {
      const byte = this.byte();
      value = value * 128 + (byte & 127);
      if (byte < 128) return value;
    }
  }
  text(length) { this.at += length; return new TextDecoder().decode(new Uint8Array(this.view.buffer, this.at - length, length)); }
}

/** Parts `{ name, instrument, drums, notes: [{ pitch, start, end, velocity }] }`, `bars`, `chords`, `sections`, `length`. */
export function readMidi(bytes) {
  const reader = new Reader(bytes);
  if (reader.text(4) !== "MThd") throw new Error("not a MIDI file");
  reader.long();
  reader.short();
  const count = reader.short();
  const division = reader.short();
  const tempos = [];
  const metres = [];
  const markers = [];
  const chords = [];
  const parts = [];
  let lastTick = 0;
  for (let track = 0; track < count; track += 1) {
    reader.text(4);
    const end = reader.long() + reader.at;
    const part = { name: "", instrument: "", drums: false, notes: [] };
    const open = new Map();
    let tick = 0;
    let status = 0;
    while (reader.at < end) {
      tick += reader.count();
      let byte = reader.byte();
      if (byte < 128) { reader.at -= 1; byte = status; }
      if (byte === 0xff) {
        const kind = reader.byte();
        const length = reader.count();
        const start = reader.at;
        if (kind === 0x51) tempos.push({ tick, secondsPerTick: ((reader.byte() << 16) | (reader.byte() << 8) | reader.byte()) / 1e6 / division });
        else if (kind === 0x58) metres.push({ tick, ticks: (reader.byte() * division * 4) / 2 ** reader.byte() });
        else if (kind === 0x03) part.name = reader.text(length);
        else if (kind === 0x04) part.instrument = reader.text(length);
        else if (kind === 0x05) chords.push({ tick, text: reader.text(length) });
        else if (kind === 0x06) markers.push({ tick, text: reader.text(length) });
        reader.at = start + length;
      } else if (byte >= 0xf0) {
        reader.at += reader.count();
      } else {
        status = byte;
        const kind = byte >> 4;
        const first = reader.byte();
        const second = kind === 0xc || kind === 0xd ? 0 : reader.byte();
        if ((byte & 15) === 9) part.drums = true;
        if (kind === 9 && second > 0) {
          open.set(first, [...(open.get(first) ?? []), { pitch: first, tick, velocity: second }]);
        } else if (kind === 8 || kind === 9) {
          const note = open.get(first)?.shift();
          if (note) part.notes.push({ ...note, endTick: tick });
        }
      }
    }
    reader.at = end;
    lastTick = Math.max(lastTick, tick);
    if (part.notes.length) parts.push(part);
  }
  const seconds = clockOf(tempos, division);
  const timed = (events) => events.map(({ tick, text }) => ({ time: seconds(tick), text }));
  return {
    parts: parts.map((part) => ({
      ...part,
      notes: part.notes.map(({ pitch, velocity, tick, endTick }) => ({ pitch, velocity, start: seconds(tick), end: seconds(endTick) })).sort((a, b) => a.start - b.start),
    })),
    bars: barsOf(metres, division, lastTick).map(seconds),
    chords: timed(chords),
    sections: timed(markers),
    length: seconds(lastTick),
  };
}

/** Ticks to seconds over all changes of tempo. */
function clockOf(tempos, division) {
  const changes = [...tempos].sort((a, b) => a.tick - b.tick);
  if (!changes.length || changes[0].tick > 0) changes.unshift({ tick: 0, secondsPerTick: 0.5 / division });
  let time = 0;
  for (const [i, change] of changes.entries()) {
    if (i) time += (change.tick - changes[i - 1].tick) * changes[i - 1].secondsPerTick;
    change.time = time;
  }
  return (tick) => {
    let low = 0;
    let high = changes.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (changes[middle].tick <= tick) low = middle; else high = middle - 1;
    }
    return changes[low].time + (tick - changes[low].tick) * changes[low].secondsPerTick;
  };
}

function barsOf(metres, division, lastTick) {
  const changes = metres.length ? metres : [{ tick: 0, ticks: division * 4 }];
  const bars = [];
  for (const [i, { tick, ticks }] of changes.entries()) {
    for (let at = tick; at < (changes[i + 1]?.tick ?? lastTick); at += ticks) bars.push(at);
  }
  return bars;
}
