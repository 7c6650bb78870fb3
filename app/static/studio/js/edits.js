/** A plan, edited: what is changed is changed, what follows from it follows, everything else is kept. */

const LEAST_SPAN = 12;
const SHORTEST_S = 5;
const LONGEST_S = 300;
/** The final chord rings this long at least. */
const RING_S = 1;

/** Seconds of a bar. */
export function barSeconds(plan) {
  const [upper, lower] = plan.time_signature.split("/").map(Number);
  return ((upper * 4) / lower) * (60 / plan.tempo_bpm);
}

/** Whole seconds that a plan's sections ask for, its last chord's ring included; a loop's bars fill it. */
export function lengthOf(plan) {
  const bars = plan.form.reduce((sum, section) => sum + section.bars, 0);
  const lasts = bars * barSeconds(plan);
  if (plan.loop) return Math.round(lasts);
  // The sections may fall short by less than a bar, or by a second and a half where a bar is shorter.
  const most = Math.max(barSeconds(plan), 1.5) - 0.01;
  return Math.min(Math.ceil(lasts + RING_S), Math.floor(lasts + most));
}

/** Whether a plan's length can be made. */
export const fits = (plan) => lengthOf(plan) >= SHORTEST_S && lengthOf(plan) <= LONGEST_S && plan.form.length > 0;

/** The plan with another tempo, key or metre. Its sections keep their bars, so its length follows. */
export function withTempo(plan, tempo) { return { ...plan, tempo_bpm: tempo }; }
export function withKey(plan, tonic, mode) { return { ...plan, tonic, mode }; }

/** The plan with another instrument in a seat, within what that can play. */
export function withInstrument(plan, name, instrument, reach) {
  return {
    ...plan,
    ensemble: plan.ensemble.map((voice) => {
      if (voice.name !== name) return voice;
      let low = Math.max(voice.low_pitch, reach.low_pitch);
      let high = Math.min(voice.high_pitch, reach.high_pitch);
      if (high - low < LEAST_SPAN) { low = reach.low_pitch; high = reach.high_pitch; }
      // What another instrument was told to do may be beyond this one: it plays plainly.
      return { ...voice, instrument, low_pitch: low, high_pitch: high, manner: [] };
    }),
  };
}

/** The plan with other sections. */
export const withForm = (plan, form) => ({ ...plan, form });

/** What is sent: length by the sections, and the choice between candidates left open again. */
export function ready(plan) { return { ...plan, duration_s: lengthOf(plan), candidate: null }; }
