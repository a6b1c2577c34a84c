/** Everybody appears in the right slot, and the tiles are as large as they can be. */

import { expect, test } from "vitest";
import type { ParticipantView, SlotView } from "../src/call/frames";
import { columns } from "../src/call/layout";
import { changes, people } from "../src/call/slots";

function person(id: string): ParticipantView {
  return { id, name: id, role: "guest", audio: true, video: true, screen: false, held: false };
}

test("each other person has the mids of microphone, camera and screen", () => {
  const slots: SlotView[] = [
    { mid: "3", kind: "audio", participant: "b", source: "microphone" },
    { mid: "8", kind: "video", participant: "b", source: "camera" },
    { mid: "9", kind: "video", participant: "b", source: "screen" },
    { mid: "4", kind: "audio", participant: null, source: null },
  ];

  expect(people([person("a"), person("b"), person("c")], slots, "a")).toEqual([
    { ...person("b"), audioMid: "3", cameraMid: "8", screenMid: "9" },
    { ...person("c"), audioMid: null, cameraMid: null, screenMid: null },
  ]);
});

test("a slot without a source is a microphone or a camera", () => {
  const slots: SlotView[] = [
    { mid: "3", kind: "audio", participant: "b" },
    { mid: "8", kind: "video", participant: "b", source: null },
  ];

  expect(people([person("b")], slots, "a")[0]).toMatchObject({ audioMid: "3", cameraMid: "8" });
});

test("who came and who went is told, but never about oneself", () => {
  const [a, b, c] = [person("a"), person("b"), person("c")];

  expect(changes([a, b], [a, c], "a")).toEqual({ joined: [c], left: [b] });
  expect(changes([], [a, b], "a")).toEqual({ joined: [b], left: [] });
});

test.each([
  ["one person fills the stage", 1, 360, 500, 1],
  ["two on a phone are above one another", 2, 360, 500, 1],
  ["two on a desktop are side by side", 2, 1280, 600, 2],
  ["five on a phone are in two columns", 5, 360, 500, 2],
  ["five on a desktop are in three columns", 5, 1280, 600, 3],
  ["nobody needs one column", 0, 360, 500, 1],
])("%s", (_, count, width, height, expected) => {
  expect(columns(count, width, height)).toBe(expected);
});
