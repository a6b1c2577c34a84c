/** A dashboard shows the queue as it is, or asks for it again. */

import { expect, test } from "vitest";
import type { QualityView } from "../src/call/frames";
import { figuresOf, gradeOf } from "../src/staff/path-grade";
import { arrivals, knocks, type Queue, together, update } from "../src/staff/queue";
import type { GuestEntry, QueueEntry, QueueFrame } from "../src/staff/types";

function entry(visit: string, minute: number, state: QueueEntry["state"] = "waiting"): QueueEntry {
  return {
    visit,
    name: visit.toUpperCase(),
    arrived_at: `2026-01-01T09:${String(minute).padStart(2, "0")}:00Z`,
    state,
    fields: {},
    locale: "en",
    connected: true,
    priority: 0,
  };
}

const SNAPSHOT: QueueFrame = {
  type: "queue",
  version: 7,
  order: "Arrival",
  visits: [entry("b", 5), entry("a", 1)],
  rooms: [{ uid: "r", participants: 2 }],
};

function delta(
  version: number,
  changed: Partial<Extract<QueueFrame, { type: "queue_delta" }>>,
): QueueFrame {
  return { type: "queue_delta", version, upsert: [], remove: [], ...changed };
}

function after(...frames: readonly QueueFrame[]): Queue {
  let queue: Queue | null = null;
  for (const frame of frames) {
    const result = update(queue, frame);
    if ("gap" in result) throw new Error("gap");
    queue = result.queue;
  }
  if (queue === null) throw new Error("no queue");
  return queue;
}

test("a snapshot is put in order of arrival", () => {
  const queue = after(SNAPSHOT);

  expect(queue.visits.map((one) => one.visit)).toEqual(["a", "b"]);
  expect(queue.rooms.get("r")?.participants).toBe(2);
});

test("where the clinic goes by priority the urgent come first", () => {
  const urgent = { ...entry("c", 9), priority: 2 };
  const byPriority = after({ ...SNAPSHOT, order: "Priority" }, delta(8, { upsert: [urgent] }));
  const byArrival = after(SNAPSHOT, delta(8, { upsert: [urgent] }));

  expect(byPriority.visits.map((one) => one.visit)).toEqual(["c", "a", "b"]);
  expect(byArrival.visits.map((one) => one.visit)).toEqual(["a", "b", "c"]);
});

test("what the clinic calls a long wait is kept over deltas, and is usual where it is not told", () => {
  const told = { ...SNAPSHOT, long_after_minutes: 5, very_long_after_minutes: 20 };

  expect(after(told, delta(8, { remove: ["b"] })).longAfter).toEqual({ long: 5, veryLong: 20 });
  expect(after(SNAPSHOT).longAfter).toEqual({ long: 15, veryLong: 30 });
});

test("deltas add, change and remove, and keep the order", () => {
  const queue = after(
    SNAPSHOT,
    delta(8, { upsert: [entry("c", 3), entry("a", 1, "called")] }),
    delta(9, { remove: ["b"], rooms: [] }),
  );

  expect(queue.visits.map((one) => [one.visit, one.state])).toEqual([
    ["a", "called"],
    ["c", "waiting"],
  ]);
  expect(queue.rooms.size).toBe(0);
});

test("who arrived at the same moment is ordered the same on every dashboard", () => {
  const queue = after({ ...SNAPSHOT, visits: [entry("z", 1), entry("y", 1)] });

  expect(queue.visits.map((one) => one.visit)).toEqual(["y", "z"]);
});

test("a dashboard whose clock is wrong knows by how much, and counts minutes by the right one", () => {
  const now = Date.parse("2026-01-01T09:30:00Z");
  const first = update(null, { ...SNAPSHOT, now: "2026-01-01T09:35:00Z" }, now);
  if ("gap" in first) throw new Error("gap");

  expect(first.queue.behindMs).toBe(300_000);
  expect(update(first.queue, delta(8, {}), now)).toMatchObject({ queue: { behindMs: 300_000 } });
  expect(after(SNAPSHOT).behindMs).toBe(0);
});

test("a missed delta asks for a snapshot, and so does a delta before any", () => {
  expect(update(after(SNAPSHOT), delta(9, {}))).toEqual({ gap: true });
  expect(update(null, delta(1, {}))).toEqual({ gap: true });
});

test("a delta from before the snapshot changes nothing", () => {
  const queue = after(SNAPSHOT);

  expect(update(queue, delta(7, { remove: ["a"] }))).toEqual({ queue });
});

function path(round_trip_ms: number | null, up: number | null, down: number | null): QualityView {
  const rest = { up_jitter_ms: null, up_bps: null, down_jitter_ms: null, down_bps: null };
  return { round_trip_ms, up_loss: up, down_loss: down, path: null, ...rest };
}

test.each([
  ["a good one", path(40, 0.01, 0), "good"],
  ["nothing known", path(null, null, null), "good"],
  ["a slow one", path(301, 0, 0), "fair"],
  ["loss towards the patient", path(40, 0, 0.05), "fair"],
  ["loss from the patient", path(40, 0.2, 0), "poor"],
  ["a very slow one", path(900, 0, 0), "poor"],
])("a connection is graded: %s", (_, quality, grade) => {
  expect(gradeOf(quality)).toBe(grade);
});

test("the figures behind a grade can be read", () => {
  expect(figuresOf(path(40.4, 0.012, null))).toBe("40 ms · ↑ 1 % · ↓ ?");
});

test("only those who are new are announced, and nobody at the first look", () => {
  const before = after(SNAPSHOT);
  const now = after(SNAPSHOT, delta(8, { upsert: [entry("c", 9)] }));

  expect(arrivals(before, now)).toEqual(["C"]);
  expect(arrivals(null, now)).toEqual([]);
});

function guest(id: string, state: GuestEntry["state"]): GuestEntry {
  return {
    guest: id,
    state,
    place: "meeting",
    place_id: "r",
    label: "",
    name: id.toUpperCase(),
    made_by_name: "Grace",
    expires_at: "2026-01-01T10:00:00Z",
    connected: true,
  };
}

test("who begins to knock is announced once", () => {
  const before = after(SNAPSHOT, delta(8, { guests: [guest("a", "invited")] }));
  const now = after(SNAPSHOT, delta(8, { guests: [guest("a", "knocking")] }));

  expect(knocks(before, now)).toEqual(["A"]);
  expect(knocks(now, now)).toEqual([]);
  expect(knocks(null, now)).toEqual([]);
});

test("guests that a delta does not speak of are as before", () => {
  const now = after(SNAPSHOT, delta(8, { guests: [guest("a", "knocking")] }), delta(9, {}));

  expect(now.guests.map((one) => one.guest)).toEqual(["a"]);
});

test("those who share a call are together, the visit asked for first", () => {
  const shared = (visit: string, minute: number) => ({
    ...entry(visit, minute, "in_consultation"),
    consultation: "one",
  });
  const visits = [shared("a", 1), shared("b", 2), entry("c", 3)];
  const queue = after({ ...SNAPSHOT, visits });

  expect(together(queue, "b").map((one) => one.visit)).toEqual(["b", "a"]);
  expect(together(queue, "c").map((one) => one.visit)).toEqual(["c"]);
  expect(together(queue, "gone")).toEqual([]);
});
