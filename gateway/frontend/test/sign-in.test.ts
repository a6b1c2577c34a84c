/** The sign-in page: where it leads, which issuers it offers, and what it says of an attempt that came to nothing. */

import { expect, test } from "vitest";
import { signInPath } from "../src/shared/options";
import { faultOf, ofPath, wantsAnotherAccount } from "../src/staff/sign-in-faults";

test("the sign-in page leads back to where one came from", () => {
  expect(signInPath("/staff/ns/c", "")).toBe("/sign-in?return_to=%2Fstaff%2Fns%2Fc");
  expect(signInPath("/staff", "?locale=ar")).toBe("/sign-in?locale=ar&return_to=%2Fstaff");
});

test("only a fault that is known is shown, and some ask for another account", () => {
  expect(faultOf("expired")).toBe("expired");
  expect(faultOf("<b>call 555</b>")).toBeNull();
  expect(faultOf(null)).toBeNull();
  expect(wantsAnotherAccount("not_a_member")).toBe(true);
  expect(wantsAnotherAccount("expired")).toBe(false);
  expect(wantsAnotherAccount(null)).toBe(false);
});

test("the issuers offered are those of the wanted page's organisation, or all", () => {
  const both = ["a", "b"].map((namespace) => ({ namespace, display_name: "", issuers: ["x"] }));

  expect(ofPath(both, "/staff/b/clinic")).toEqual([both[1]]);
  expect(ofPath(both, "/staff/unknown/clinic")).toEqual(both);
  expect(ofPath(both, "")).toEqual(both);
});
