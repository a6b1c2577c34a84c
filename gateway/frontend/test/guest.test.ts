/** A guest's way: no order of frames brings anybody into a call who was not let in. */

import { expect, test } from "vitest";
import { advance, type Event, type Stage } from "../src/guest/journey";

function go(from: Stage, ...events: Event[]): Stage {
  return events.reduce(advance, from);
}

const ADMITTED: Event = { type: "guest", state: "admitted" };
const KNOCKING: Event = { type: "guest", state: "knocking" };

test("who has a link sees the door first, who has a pass knocks on, who has nothing is told so", () => {
  expect(go("loading", { type: "door", has: "link" })).toBe("door");
  expect(go("loading", { type: "door", has: "pass" })).toBe("knocking");
  expect(go("loading", { type: "door", has: "nothing" })).toBe("unknown_link");
});

test("a guest knocks, is let in, is put out, and knocks again", () => {
  expect(go("door", { type: "knocked" }, KNOCKING)).toBe("knocking");
  expect(go("knocking", ADMITTED)).toBe("call");
  expect(go("call", { type: "call_over", outcome: "removed" })).toBe("removed");
  expect(go("call", { type: "guest", state: "removed" })).toBe("removed");
  expect(go("removed", { type: "knocked" }, KNOCKING)).toBe("knocking");
});

test("who stepped out stays out until they choose to go back", () => {
  expect(go("call", { type: "call_over", outcome: "left" }, ADMITTED)).toBe("stepped_out");
  expect(go("stepped_out", { type: "go_back" })).toBe("call");
});

test("a consultation that pauses lets its guest knock again", () => {
  expect(go("call", KNOCKING)).toBe("knocking");
  expect(go("stepped_out", KNOCKING)).toBe("knocking");
});

test("a link that was taken back is the end of a call, and nothing at all before", () => {
  expect(go("call", { type: "guest_unknown" })).toBe("over");
  expect(go("ended", { type: "guest_unknown" }, { type: "guest_unknown" })).toBe("over");
  expect(go("knocking", { type: "guest_unknown" })).toBe("unknown_link");
});

test("what another page has taken over stays there", () => {
  expect(go("call", { type: "replaced" }, ADMITTED)).toBe("replaced");
  expect(go("knocking", { type: "replaced" }, KNOCKING)).toBe("replaced");
});

test("only being let in leads into a call", () => {
  const events: Event[] = [
    KNOCKING,
    { type: "guest", state: "refused" },
    { type: "guest", state: "removed" },
    { type: "guest", state: "left" },
    { type: "left" },
    { type: "knocked" },
    { type: "door", has: "pass" },
    { type: "guest_unknown" },
    { type: "unavailable" },
  ];
  for (const first of events)
    for (const second of events) expect(go("knocking", first, second)).not.toBe("call");
});
