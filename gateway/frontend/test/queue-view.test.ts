/** A queue is searched, sorted and filtered on the page, and arrivals ring until somebody reacts. */

import { expect, test } from "vitest";
import { ring, total } from "../src/staff/alarm";
import { arranged, vanished, WHOLE, waitOf } from "../src/staff/queue-view";
import { snippet } from "../src/staff/snippet";
import type { Arrived, QueueEntry } from "../src/staff/types";

function entry(visit: string, minute: number, changes: Partial<QueueEntry> = {}): QueueEntry {
  return {
    visit,
    name: visit,
    arrived_at: `2026-01-01T09:${String(minute).padStart(2, "0")}:00Z`,
    state: "waiting",
    fields: {},
    locale: "en",
    connected: true,
    priority: 0,
    ...changes,
  };
}

const ZOE = entry("Zoë", 1, { fields: { reason: "Herz" }, appointment: "2026-01-01T11:00:00Z" });
const ADA = entry("Ada", 5, { state: "on_hold", speaker: { name: "Mía", role: "relative" } });
const LEILA = entry("ليلى", 3, { connected: false, appointment: "2026-01-01T10:00:00Z" });
const QUEUE = [LEILA, ZOE, ADA];

function names(changes: Partial<typeof WHOLE>): string[] {
  return arranged(QUEUE, { ...WHOLE, ...changes }).map((one) => one.name);
}

test("without a wish a queue is as the clinic goes", () => {
  expect(names({})).toEqual(["ليلى", "Zoë", "Ada"]);
});

test.each([
  ["zoe", ["Zoë"]],
  [" HERZ ", ["Zoë"]],
  ["mia", ["Ada"]],
  ["ليل", ["ليلى"]],
  ["nobody", []],
])(
  "names, answers and speakers are searched without regard to case and accents: %s",
  (search, found) => {
    expect(names({ search })).toEqual(found);
  },
);

test.each([
  ["waiting", ["ليلى", "Zoë"]],
  ["seen", ["Ada"]],
  ["away", ["ليلى"]],
] as const)("a part of the queue is shown: %s", (filter, found) => {
  expect(names({ filter })).toEqual(found);
});

test("it is put in order of waiting, names or appointments, and the queue itself stays as it is", () => {
  expect(names({ sort: "longest" })).toEqual(["Zoë", "ليلى", "Ada"]);
  expect(names({ sort: "name" })[0]).toBe("Ada");
  expect(names({ sort: "appointment" })).toEqual(["ليلى", "Zoë", "Ada"]);
  expect(QUEUE.map((one) => one.visit)).toEqual(["ليلى", "Zoë", "Ada"]);
});

test.each([
  [4, "short"],
  [5, "long"],
  [19, "long"],
  [20, "very-long"],
])("where the clinic says 5 and 20, a wait is after %i minutes %s", (minutes, word) => {
  const now = Date.parse("2026-01-01T09:00:00Z") + minutes * 60_000;

  const after = { long: 5, veryLong: 20 };

  expect(waitOf(entry("a", 0), after, now)).toBe(word);
  expect(waitOf(entry("a", 0, { state: "in_consultation" }), after, now)).toBe("short");
});

test("who goes while not connected is told, and who goes otherwise is not", () => {
  expect(vanished(QUEUE, []).map((one) => one.name)).toEqual(["ليلى"]);
  expect(vanished(QUEUE, QUEUE)).toEqual([]);
  expect(vanished([], QUEUE)).toEqual([]);
});

function came(clinic: string, ...visits: string[]): Arrived {
  return { namespace: "ns", clinic, display_name: clinic, repeat_s: 30, visits };
}

test("an arrival rings at once, again after a while, and no more when somebody has reacted", () => {
  const first = ring(new Map(), [came("a", "v")], 0);
  const soon = ring(first.rung, [came("a", "v")], 29_999);
  const again = ring(soon.rung, [came("a", "v")], 30_000);
  const quiet = ring(again.rung, [came("a", "v")], 31_000);
  const seen = ring(quiet.rung, [], 90_000);

  expect([first, soon, again, quiet, seen].map(({ now }) => now.length)).toEqual([1, 0, 1, 0, 0]);
  expect(seen.rung.size).toBe(0);
});

test("somebody new rings before it is time, and each clinic has its own time", () => {
  const first = ring(new Map(), [came("a", "v")], 0);
  const second = ring(first.rung, [came("a", "v", "w"), came("b", "x")], 20_000);
  const third = ring(second.rung, [came("a", "w"), came("b", "x")], 40_000);

  expect(second.now.map((one) => one.clinic)).toEqual(["a", "b"]);
  expect(third.now).toEqual([]);
  expect(total([came("a", "v", "w"), came("b", "x")])).toBe(3);
});

test("the button for a website is plain HTML in which nothing can be hidden", () => {
  const html = snippet("https://c.example.org/c/ns/a", 'Skin & "hair" \u2068<script>\u2069');

  expect(html).toContain('href="https://c.example.org/c/ns/a"');
  expect(html).toContain("Skin &amp; &quot;hair&quot; &lt;script&gt;</a>");
  expect(html).not.toContain("<script");
});
