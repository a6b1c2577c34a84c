/** How good a patient's connection is, in one word. Pure. */

import type { QualityView } from "../call/frames";

export type Grade = "good" | "fair" | "poor";

/**
 * Beyond these a person notices, and beyond these a talk is hard. Round trips: twice the one-way delays of ITU-T G.114
 * (150 and 400 ms). Loss: what redundant audio hides, and where pictures keep freezing although packets are sent again.
 */
const NOTICED = { roundTripMs: 300, loss: 0.03 };
const HARD = { roundTripMs: 800, loss: 0.1 };

export function gradeOf(quality: QualityView): Grade {
  const loss = Math.max(quality.up_loss ?? 0, quality.down_loss ?? 0);
  const roundTripMs = quality.round_trip_ms ?? 0;
  if (roundTripMs > HARD.roundTripMs || loss > HARD.loss) return "poor";
  return roundTripMs > NOTICED.roundTripMs || loss > NOTICED.loss ? "fair" : "good";
}

/** The figures behind it, for whoever is asked about them. */
export function figuresOf(quality: QualityView): string {
  const share = (loss: number | null) => (loss === null ? "?" : `${Math.round(loss * 100)} %`);
  return `${Math.round(quality.round_trip_ms ?? 0)} ms · ↑ ${share(quality.up_loss)} · ↓ ${share(quality.down_loss)}`;
}
