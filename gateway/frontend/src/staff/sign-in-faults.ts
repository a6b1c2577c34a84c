/** What a sign-in at an issuer may come to, and which issuers to offer. Pure. */

import type { Organisation } from "./types";

const FAULTS = [
  "denied",
  "expired",
  "unreachable",
  "refused",
  "misconfigured",
  "no_user",
  "email_unverified",
  "too_many_groups",
  "not_a_member",
  "one_moment",
] as const;

export type Fault = (typeof FAULTS)[number];

/** The fault that an address or an answer names; nothing else is shown. */
export function faultOf(word: string | null): Fault | null {
  return FAULTS.find((one) => one === word) ?? null;
}

/** The provider would sign the same account in again, which would come to the same. */
export function wantsAnotherAccount(fault: Fault | null): boolean {
  return (
    fault !== null &&
    ["denied", "no_user", "email_unverified", "too_many_groups", "not_a_member"].includes(fault)
  );
}

/** The organisation that a path is of, if it is one of these; else all of them. */
export function ofPath(
  organisations: readonly Organisation[],
  path: string,
): readonly Organisation[] {
  const namespace = path.split("/")[2];
  const found = organisations.filter((one) => one.namespace === namespace);
  return found.length > 0 ? found : organisations;
}
