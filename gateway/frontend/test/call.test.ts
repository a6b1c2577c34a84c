/** Everybody appears in the right slot, and the tiles are as large as they can be. */

import { expect, test } from "vitest";
import { hear, SILENCE } from "../src/call/conversation";
import type { ParticipantView, Said, SlotView } from "../src/call/frames";
import { columns } from "../src/call/layout";
import { viewOf } from "../src/call/sizes";
import { changes, people, receiveSlots } from "../src/call/slots";

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

test.each([
  ["two", 2, 1, 2],
  ["six", 6, 5, 6],
  ["seven", 7, 5, 7],
  ["twenty", 20, 5, 10],
  ["nobody else", 1, 1, 2],
])("a call of %s is offered so many slots", (_, participants, audio, video) => {
  expect(receiveSlots(participants)).toEqual({ audio, video });
});

test("what is shown is told in device pixels, and nothing is wanted of what nobody sees", () => {
  const heights = new Map([
    ["8", 180.4],
    ["9", 90],
  ]);

  expect(viewOf(heights, "9", true, 2)).toEqual([
    { mid: "8", height: 361, pinned: false },
    { mid: "9", height: 180, pinned: true },
  ]);
  expect(viewOf(heights, null, false, 2).map((slot) => slot.height)).toEqual([0, 0]);
  expect(viewOf(new Map([["8", 9000]]), null, true, 3)[0]?.height).toBe(10_000);
});

function said(number: number, text = String(number)): Said {
  return { type: "chat", number, participant: "b", text };
}

test("a message is shown once, however often it is told", () => {
  let talk = SILENCE;
  for (const one of [said(1), said(2), said(1), said(2), said(3)]) talk = hear(talk, one, 7, "B");

  expect(talk.lines.map((line) => line.text)).toEqual(["1", "2", "3"]);
  expect(hear(talk, said(3), 7, "B")).toBe(talk);
});

test("a call that was placed anew numbers from one, and what was said before stays", () => {
  const talk = hear(hear(SILENCE, said(5, "old"), 7, "B"), said(1, "new"), 8, "B");

  expect(talk.lines.map((line) => line.text)).toEqual(["old", "new"]);
  expect(new Set(talk.lines.map((line) => line.key)).size).toBe(2);
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
