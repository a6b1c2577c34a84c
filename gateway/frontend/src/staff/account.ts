/** Who is signed in, and the clinics of that person. */

import { signal } from "@preact/signals";
import { ApiError, request } from "../shared/http";
import { locale } from "../shared/i18n";
import { signInPath } from "../shared/options";
import { delayMs } from "../shared/reconnect";
import { routeOf } from "./routes";
import type { Me, StaffClinic } from "./types";

export const me = signal<Me | null>(null);
/** The service does not answer; it is asked again. */
export const unavailable = signal(false);

/** Ask who is signed in; somebody who is not goes to the sign-in page. */
export async function loadMe(attempt = 0): Promise<void> {
  try {
    me.value = await request<Me>("GET", `/api/staff/me?locale=${locale()}`);
    unavailable.value = false;
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      if (isInCall()) return; // it goes on; what comes after it asks again
      location.assign(signInPath(location.pathname, location.search));
      return;
    }
    unavailable.value = true;
    setTimeout(() => void loadMe(attempt + 1), delayMs(attempt + 1, Math.random()));
  }
}

/** A running call is not cut when its person is signed out. */
function isInCall(): boolean {
  const { page } = routeOf(location.pathname);
  return me.value !== null && (page === "visit" || page === "room");
}

/** Whether a visit is this person's; one that was handed over may not name an issuer. */
export function isMine(calledBy: string | null | undefined): boolean {
  return calledBy === me.value?.identity || calledBy === me.value?.user;
}

export function clinicOf(namespace: string, name: string): StaffClinic | null {
  const found = me.value?.clinics.find((one) => one.namespace === namespace && one.name === name);
  return found ?? null;
}

/** Sign out here, and at the provider where it has a page for that. */
export async function signOut(): Promise<void> {
  const answer = await request<{ location: string } | null>("POST", "/api/sign-out", {}).catch(
    () => null,
  );
  location.assign(answer?.location ?? "/sign-in");
}
