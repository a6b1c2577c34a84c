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

/** Pixels from which libwebrtc sends two encodings, and three (`simulcast.cc`: 480 x 270, 960 x 540). */
const PIXELS_FOR_TWO = 129_600;
const PIXELS_FOR_THREE = 518_400;

/**
 * The parameters of one encoding: whichever is active alone carries the whole picture.
 *
 * @param pixels Of the camera's picture. A small one has fewer encodings, of which the last that is sent is the whole.
 */
export function shaped(
  rid: string,
  active: readonly string[],
  pixels: number,
): Partial<RTCRtpEncodingParameters> {
  const isActive = active.includes(rid);
  const place = LADDER.findIndex((one) => one.rid === rid) + LADDER.length - sentOf(pixels);
  const rung = (active.length === 1 ? undefined : LADDER[place]) ?? FULL;
  const { scaleResolutionDownBy, maxBitrate } = rung;
  return { active: isActive, scaleResolutionDownBy, maxBitrate };
}

function sentOf(pixels: number): number {
  if (pixels < PIXELS_FOR_TWO) return 1;
  return pixels < PIXELS_FOR_THREE ? 2 : 3;
}
