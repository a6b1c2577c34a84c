/** A patient is always somewhere that says what to do next. */

import { expect, test } from "vitest";
import { advance, type Event, type Stage } from "../src/patient/journey";
import type { Clinic, VisitState } from "../src/patient/types";

const CLINIC: Clinic = {
  namespace: "ns",
  clinic: "c",
  display_name: "C",
  locales: ["en"],
  state: "open",
  message: "",
  information: "",
  terms: "",
  phone: "",
  entry_fields: [],
  visit: false,
};

function door(changes: Partial<Clinic>, remembered = false): Event {
  return { type: "clinic", clinic: { ...CLINIC, ...changes }, remembered };
}

function visit(state: VisitState): Event {
  return { type: "visit", state };
}

const WAYS: readonly (readonly [string, Stage, Event, Stage])[] = [
  ["an open door shows the form", "loading", door({}), "entry"],
  ["a closed door says so", "loading", door({ state: "closed" }), "shut"],
  ["a full waiting area says so", "loading", door({ state: "full" }), "shut"],
  ["a suspended clinic says so", "loading", door({ state: "suspended" }), "shut"],
  ["a reload keeps the place", "loading", door({ visit: true }, true), "waiting"],
  [
    "a place is kept when the door has closed",
    "loading",
    door({ visit: true, state: "closed" }, true),
    "waiting",
  ],
  [
    "a ticket without a name asks for the name",
    "loading",
    door({ visit: true, state: "full" }),
    "entry",
  ],
  [
    "a link to nothing says check the link",
    "loading",
    { type: "clinic_unknown" },
    "unknown_clinic",
  ],
  ["a service that is away means one moment", "loading", { type: "unavailable" }, "one_moment"],
  [
    "a form being filled in stays while the service is away",
    "entry",
    { type: "unavailable" },
    "entry",
  ],
  ["entering means waiting", "entry", { type: "entered" }, "waiting"],
  ["being called opens the call", "waiting", visit("called"), "call"],
  ["a reload in a consultation opens the call", "waiting", visit("in_consultation"), "call"],
  ["sent back to waiting", "call", visit("waiting"), "waiting"],
  ["sent back to waiting after the call had ended", "ended", visit("waiting"), "waiting"],
  ["put on hold", "call", visit("on_hold"), "waiting"],
  ["put on hold after the call had ended", "ended", visit("on_hold"), "waiting"],
  ["brought back from being on hold", "waiting", visit("called"), "call"],
  ["called again after the call had ended", "ended", visit("called"), "call"],
  ["the call's end before the visit's", "ended", visit("in_consultation"), "ended"],
  ["a replaced tab stays replaced on hold", "replaced", visit("on_hold"), "replaced"],
  ["transferred while waiting", "waiting", { type: "transferred" }, "waiting"],
  ["transferred out of a call", "call", { type: "transferred" }, "waiting"],
  ["transferred after the call had ended", "ended", { type: "transferred" }, "waiting"],
  ["a replaced tab does not follow", "replaced", { type: "transferred" }, "replaced"],
  ["the end", "call", visit("ended"), "ended"],
  ["a refusal", "waiting", visit("refused"), "refused"],
  [
    "a visit that is unknown while waiting is not kept any more",
    "waiting",
    { type: "visit_unknown" },
    "expired",
  ],
  ["a visit that is unknown after a call has ended", "call", { type: "visit_unknown" }, "ended"],
  ["another tab took over", "waiting", { type: "replaced" }, "replaced"],
  ["a replaced tab stays replaced", "replaced", visit("called"), "replaced"],
  [
    "leaving the call leaves the visit open",
    "call",
    { type: "call_over", outcome: "left" },
    "stepped_out",
  ],
  ["who stepped out is not pulled back", "stepped_out", visit("in_consultation"), "stepped_out"],
  ["who stepped out can go back", "stepped_out", { type: "go_back" }, "call"],
  ["who stepped out hears of the end", "stepped_out", visit("ended"), "ended"],
  [
    "a call that fails can be tried again",
    "call",
    { type: "call_over", outcome: "failed" },
    "trouble",
  ],
  [
    "a call's end that comes late changes nothing",
    "waiting",
    { type: "call_over", outcome: "ended" },
    "waiting",
  ],
  ["leaving is leaving", "waiting", { type: "left" }, "left"],
  ["who has left has left", "left", visit("ended"), "left"],
  ["who has left is not told of an unknown visit", "left", { type: "visit_unknown" }, "left"],
];

test.each(WAYS)("%s", (_, stage, event, expected) => {
  expect(advance(stage, event)).toBe(expected);
});
