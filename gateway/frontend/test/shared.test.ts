/** Small rules that every page relies on. */

import { expect, test } from "vitest";
import { direction, negotiate, requested } from "../src/shared/locale";
import { faultOf } from "../src/shared/media-faults";
import { wantsSmallVideo, withOptions } from "../src/shared/options";
import { delayMs } from "../src/shared/reconnect";
import { minutesSince } from "../src/shared/time";
import { routeOf } from "../src/staff/routes";

test("reconnecting waits 0.3, 1, 2 and then 3 seconds, spread by a quarter", () => {
  expect([0, 1, 2, 3, 50].map((attempt) => delayMs(attempt, 0.5))).toEqual([
    300, 1000, 2000, 3000, 3000,
  ]);
  expect([delayMs(1, 0), delayMs(1, 1)]).toEqual([750, 1250]);
});

test("minutes are whole and never negative", () => {
  const since = "2026-01-01T09:00:00Z";

  expect(minutesSince(since, Date.parse("2026-01-01T09:02:59Z"))).toBe(2);
  expect(minutesSince(since, Date.parse("2026-01-01T08:59:00Z"))).toBe(0);
});

test("the address chooses the language, then the gateway, then the browser", () => {
  expect(requested("?locale=ar", "en", ["fr"])).toEqual(["ar", "en", "fr"]);
  expect(requested("", "%LANG%", ["fr"])).toEqual(["fr"]);
  expect(negotiate(["ar-EG", "en"])).toBe("ar");
  expect(negotiate(["xx"])).toBe("en");
  expect([direction("ar"), direction("en-GB")]).toEqual(["rtl", "ltr"]);
});

test.each([
  ["NotAllowedError", "Permission denied", "blocked"],
  ["NotAllowedError", "Permission denied by system", "blocked_by_system"],
  ["NotReadableError", "Could not start video source", "in_use"],
  ["NotFoundError", "Requested device not found", "absent"],
  ["TypeError", "Cannot read properties of undefined", "unsupported"],
])("%s (%s) means %s", (name, message, fault) => {
  expect(faultOf(name, message)).toBe(fault);
});

test("the page's own options survive its links", () => {
  expect(wantsSmallVideo("?video=small")).toBe(true);
  expect(wantsSmallVideo("?video=large")).toBe(false);
  expect(withOptions("/staff", "?video=small&other=1&locale=ar")).toBe(
    "/staff?video=small&locale=ar",
  );
  expect(withOptions("/staff", "")).toBe("/staff");
});

test.each([
  ["/", { page: "home" }],
  ["/sign-in", { page: "sign-in" }],
  ["/staff", { page: "clinics" }],
  ["/staff/ns", { page: "unknown" }],
  ["/staff/ns/c", { page: "dashboard", namespace: "ns", clinic: "c" }],
  ["/staff/ns/c/visits/v", { page: "visit", namespace: "ns", clinic: "c", visit: "v" }],
  [
    "/staff/ns/c/meeting/r",
    { page: "room", namespace: "ns", clinic: "c", kind: "meeting", room: "r" },
  ],
  ["/staff/ns/c/user/r", { page: "room", namespace: "ns", clinic: "c", kind: "user", room: "r" }],
  ["/staff/ns/c/other/r", { page: "unknown" }],
  ["/staff/ns/c/visits", { page: "unknown" }],
  ["/staff/ns/c/visits/v/x", { page: "unknown" }],
  ["/elsewhere", { page: "unknown" }],
])("%s is a page", (path, route) => {
  expect(routeOf(path)).toEqual(route);
});
