/** Which staff page an address means. Pure. */

import type { RoomKind } from "./types";

export type Route =
  | { readonly page: "home" }
  | { readonly page: "sign-in" }
  | { readonly page: "clinics" }
  | { readonly page: "reports"; readonly namespace: string }
  | { readonly page: "dashboard"; readonly namespace: string; readonly clinic: string }
  | {
      readonly page: "visit";
      readonly namespace: string;
      readonly clinic: string;
      readonly visit: string;
    }
  | {
      readonly page: "room";
      readonly namespace: string;
      readonly clinic: string;
      readonly kind: RoomKind;
      readonly room: string;
    }
  | { readonly page: "unknown" };

export function routeOf(pathname: string): Route {
  const [first, ...rest] = pathname.split("/").filter(Boolean);
  if (first === undefined) return { page: "home" };
  if (first === "sign-in") return { page: "sign-in" };
  return first === "staff" ? staffRoute(rest) : { page: "unknown" };
}

/** Stands where a clinic's name does, and is none: what comes after it is the organisation's. */
const OF_THE_ORGANISATION = "-";

function staffRoute([namespace, clinic, kind, id, ...rest]: readonly string[]): Route {
  if (namespace === undefined) return { page: "clinics" };
  if (clinic === undefined || rest.length > 0) return { page: "unknown" };
  if (clinic === OF_THE_ORGANISATION)
    return kind === "reports" && id === undefined
      ? { page: "reports", namespace }
      : { page: "unknown" };
  if (kind === undefined) return { page: "dashboard", namespace, clinic };
  return id === undefined ? { page: "unknown" } : callRoute(namespace, clinic, kind, id);
}

function callRoute(namespace: string, clinic: string, kind: string, id: string): Route {
  if (kind === "visits") return { page: "visit", namespace, clinic, visit: id };
  if (kind !== "meeting" && kind !== "user") return { page: "unknown" };
  return { page: "room", namespace, clinic, kind, room: id };
}

export function dashboardPath(namespace: string, clinic: string): string {
  return `/staff/${namespace}/${clinic}`;
}

export function reportsPath(namespace: string): string {
  return `/staff/${namespace}/${OF_THE_ORGANISATION}/reports`;
}
