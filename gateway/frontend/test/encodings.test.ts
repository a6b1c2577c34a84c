/** Whichever encoding is active alone carries the whole picture. */

import { expect, test } from "vitest";
import { LADDER, shaped } from "../src/call/encodings";

const HD = 1280 * 720;
const FULL = LADDER[LADDER.length - 1];

test.each(LADDER.map((rung) => rung.rid))("%s alone carries the whole picture", (rid) => {
  expect(shaped(rid, [rid], HD)).toEqual({
    active: true,
    scaleResolutionDownBy: 1,
    maxBitrate: FULL?.maxBitrate,
  });
});

test("with others active each keeps to its own rung", () => {
  const all = LADDER.map((rung) => rung.rid);

  for (const { rid, scaleResolutionDownBy, maxBitrate } of LADDER) {
    expect(shaped(rid, all, HD)).toEqual({ active: true, scaleResolutionDownBy, maxBitrate });
  }
});

test("what is not named rests", () => {
  expect(shaped("f", ["q"], HD).active).toBe(false);
  expect(shaped("q", [], HD).active).toBe(false);
});

test.each([
  ["one of 640 x 480", 640 * 480, [2, 1, 1]],
  ["one of 160 x 120", 160 * 120, [1, 1, 1]],
])(
  "of a small picture the last encoding that browsers send is the whole: %s",
  (_, pixels, scales) => {
    const all = LADDER.map((rung) => rung.rid);

    expect(all.map((rid) => shaped(rid, all, pixels).scaleResolutionDownBy)).toEqual(scales);
  },
);
