/** Reports: what is asked for, and what a distribution says. */

import { expect, test } from "vitest";
import { isWithheld, reportPath, within } from "../src/staff/reports";
import { dashboardPath, reportsPath, routeOf } from "../src/staff/routes";

const BOUNDS = [60, 300, 600];

function row(...numbers: (number | null)[]) {
  const names = ["waited_to_60_s", "waited_to_300_s", "waited_to_600_s", "waited_over_600_s"];
  return Object.fromEntries(names.map((name, index) => [name, numbers[index] ?? null]));
}

test("a share lies within the upper bound of the bucket that holds it", () => {
  expect(within(row(5, 4, 1, 0), "waited", 0.5, BOUNDS)).toBe(1);
  expect(within(row(5, 4, 1, 0), "waited", 0.9, BOUNDS)).toBe(5);
  expect(within(row(5, 4, 1, 0), "waited", 0.95, BOUNDS)).toBe(10);
  expect(within(row(0, 0, 0, 3), "waited", 0.5, BOUNDS)).toBe(Number.POSITIVE_INFINITY);
});

test("of nothing, and of what is withheld, nothing is said", () => {
  expect(within(row(0, 0, 0, 0), "waited", 0.5, BOUNDS)).toBeNull();
  expect(within(row(null, null, null, null), "waited", 0.5, BOUNDS)).toBeNull();
  expect(isWithheld(row(null, null, null, null), "waited", BOUNDS)).toBe(true);
  expect(isWithheld(row(0, 0, 0, 0), "waited", BOUNDS)).toBe(false);
});

test("only what was chosen is asked for", () => {
  const wanted = { from: "2026-11-01", to: "", clinic: "", by: "month" } as const;

  expect(reportPath("harbour", wanted, "csv")).toBe(
    "/api/staff/harbour/reports?by=month&format=csv&from=2026-11-01",
  );
});

test("the reports of an organisation have an address that no clinic can have", () => {
  expect(routeOf(reportsPath("harbour"))).toEqual({ page: "reports", namespace: "harbour" });
  expect(routeOf("/staff/harbour/-")).toEqual({ page: "unknown" });
  expect(routeOf("/staff/harbour/-/reports/x")).toEqual({ page: "unknown" });
});

test.each(["reports", "visits", "meeting", "user", "rooms", "api", "staff", "sign-in"])(
  "a clinic may be called %s",
  (clinic) => {
    const at = { namespace: "harbour", clinic };
    const path = dashboardPath("harbour", clinic);

    expect(routeOf(path)).toEqual({ page: "dashboard", ...at });
    expect(routeOf(`${path}/visits/reports`)).toEqual({ page: "visit", ...at, visit: "reports" });
    expect(routeOf(`${path}/meeting/visits`)).toEqual({
      page: "room",
      ...at,
      kind: "meeting",
      room: "visits",
    });
  },
);
