/** What the camera is sent as: up to three encodings, of which the media node names those to be active. */

interface Rung {
  readonly rid: string;
  readonly scaleResolutionDownBy: number;
  /** bit/s */
  readonly maxBitrate: number;
}

const FULL: Rung = { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 1_700_000 };

/** Smallest first, as browsers drop from the end of the list what a small picture has no room for. */
export const LADDER: readonly Rung[] = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  FULL,
];

/** The parameters of one encoding: whichever is active alone carries the whole picture. */
export function shaped(rid: string, active: readonly string[]): Partial<RTCRtpEncodingParameters> {
  const isActive = active.includes(rid);
  const rung = LADDER.find((one) => one.rid === rid) ?? FULL;
  const { scaleResolutionDownBy, maxBitrate } = isActive && active.length === 1 ? FULL : rung;
  return { active: isActive, scaleResolutionDownBy, maxBitrate };
}
