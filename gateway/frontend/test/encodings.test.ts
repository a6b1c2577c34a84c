/** Whichever encoding is active alone carries the whole picture. */

import { expect, test } from "vitest";
import { LADDER, shaped } from "../src/call/encodings";

const FULL = LADDER[LADDER.length - 1];

test.each(LADDER.map((rung) => rung.rid))("%s alone carries the whole picture", (rid) => {
  expect(shaped(rid, [rid])).toEqual({
    active: true,
    scaleResolutionDownBy: 1,
    maxBitrate: FULL?.maxBitrate,
  });
});

test("with others active each keeps to its own rung", () => {
  const all = LADDER.map((rung) => rung.rid);

  for (const { rid, scaleResolutionDownBy, maxBitrate } of LADDER) {
    expect(shaped(rid, all)).toEqual({ active: true, scaleResolutionDownBy, maxBitrate });
  }
});

test("what is not named rests", () => {
  expect(shaped("f", ["q"]).active).toBe(false);
  expect(shaped("q", []).active).toBe(false);
});
