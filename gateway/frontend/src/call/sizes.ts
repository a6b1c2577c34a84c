/** At which size each picture is shown, for the media node to send no larger one. */

import type { ShownSlot } from "./frames";

/** What the page measured: mid → height in CSS pixels. */
export type Heights = ReadonlyMap<string, number>;

/**
 * Put together what the media node is told.
 *
 * @param heights Of the pictures that are on the page.
 * @param pinned mid of the picture that this person wants above all.
 * @param visible Whether anybody can see the page.
 * @param ratio Device pixels per CSS pixel.
 */
export function viewOf(
  heights: Heights,
  pinned: string | null,
  visible: boolean,
  ratio: number,
): ShownSlot[] {
  return [...heights].map(([mid, height]) => ({
    mid,
    height: visible ? Math.min(10_000, Math.round(height * ratio)) : 0,
    pinned: mid === pinned,
  }));
}
