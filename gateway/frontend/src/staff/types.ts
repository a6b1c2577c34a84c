/** What the gateway tells staff pages (docs/http.md, docs/wire.md). */

import type { QualityView } from "../call/frames";
import type { Report } from "../patient/report";
import type { Speaker } from "../patient/types";

export type RoomKind = "meeting" | "user";

export interface Room {
  readonly uid: string;
  readonly kind: RoomKind;
  readonly name: string;
  readonly display_name: string;
  readonly max_participants: number;
  readonly mine: boolean;
  readonly locked: boolean;
  /** Whether patients may be called in there. */
  readonly patients_allowed: boolean;
}

export type GuestPlace = RoomKind | "visit";

/** A guest link, and what became of it. */
export interface GuestEntry {
  readonly guest: string;
  readonly state: "invited" | "knocking" | "admitted" | "refused" | "removed" | "left";
  readonly place: GuestPlace;
  readonly place_id: string;
  /** What staff know it by. */
  readonly label: string;
  /** As the guest gave it. */
  readonly name: string;
  readonly made_by_name: string;
  readonly expires_at: string;
  readonly connected: boolean;
}

export interface StaffClinic {
  readonly namespace: string;
  readonly name: string;
  readonly display_name: string;
  readonly role: string;
  /** What this person may do here, by the gateway's names. */
  readonly may: readonly string[];
  readonly patient_url: string;
  readonly suspended: string | null;
  readonly time_zone: string;
  /** Whether whoever calls in confirms first whom they call. */
  readonly confirm_identity: boolean;
  readonly rooms: readonly Room[];
}

export interface Me {
  readonly user: string;
  /** The user at an issuer, as visits name their owners. */
  readonly identity: string;
  readonly display_name: string;
  readonly clinics: readonly StaffClinic[];
  /** Organisations of which this person may read reports. */
  readonly reports?: readonly { readonly namespace: string; readonly display_name: string }[];
}

export interface Account {
  readonly user: string;
  readonly display_name: string;
  readonly roles: readonly { readonly clinic: string; readonly role: string }[];
}

export interface Organisation {
  readonly namespace: string;
  readonly display_name: string;
  readonly issuers: readonly string[];
}

export interface SignIn {
  readonly mode: string;
  readonly organisations?: readonly Organisation[];
  readonly accounts?: readonly Account[];
  readonly secret_required?: boolean;
}

/** What staff can choose from when they do something with a visit. */
export interface Choices {
  /** Ready-made texts, each in its languages. */
  readonly ready: readonly Readonly<Record<string, string>>[];
  /** Other clinics of the organisation. */
  readonly clinics: readonly { readonly name: string; readonly display_name: string }[];
  /** Who may be given a visit. */
  readonly colleagues: readonly { readonly user: string; readonly name: string }[];
}

export type Order = "Arrival" | "Priority";

export interface QueueEntry {
  readonly visit: string;
  readonly name: string;
  readonly arrived_at: string;
  readonly state: "waiting" | "called" | "in_consultation" | "on_hold";
  readonly fields: Readonly<Record<string, string>>;
  readonly locale: string;
  readonly connected: boolean;
  readonly called_by?: string | null;
  /** What colleagues call them. */
  readonly called_by_name?: string;
  /** Whether anybody has reacted to the arrival. */
  readonly noticed?: boolean;
  /** Whether who called in confirmed whom they call. */
  readonly confirmed?: boolean;
  /** Who speaks for the patient. */
  readonly speaker?: Speaker | null;
  /** By the patient's link. */
  readonly appointment?: string;
  /** What the waiting page found out about its device. */
  readonly device?: Report | null;
  /** 0 to 9; the higher, the more urgent. */
  readonly priority: number;
  /** The clinic that transferred it here. */
  readonly came_from?: string;
  /** The same for all whose patients share a call. */
  readonly consultation?: string;
  /** Uid of the user room that the patient was called into. */
  readonly room?: string;
  /** How the patient of a running consultation is heard and seen. */
  readonly quality?: QualityView | null;
}

export interface Occupancy {
  readonly uid: string;
  readonly participants: number;
  /** As far as this person may know. */
  readonly names?: readonly string[];
}

export type QueueFrame =
  | {
      readonly type: "queue";
      readonly version: number;
      readonly order: Order;
      readonly long_after_minutes?: number;
      readonly very_long_after_minutes?: number;
      /** By the clock that arrivals are told in. */
      readonly now?: string | null;
      readonly visits: readonly QueueEntry[];
      readonly rooms: readonly Occupancy[];
      readonly guests?: readonly GuestEntry[];
    }
  | {
      readonly type: "queue_delta";
      readonly version: number;
      readonly upsert: readonly QueueEntry[];
      readonly remove: readonly string[];
      readonly rooms?: readonly Occupancy[] | null;
      readonly guests?: readonly GuestEntry[] | null;
    };

/** Those who have come to a clinic and whom nobody has seen yet. */
export interface Arrived {
  readonly namespace: string;
  readonly clinic: string;
  readonly display_name: string;
  readonly repeat_s: number;
  readonly visits: readonly string[];
}

export type AlertFrame =
  | { readonly type: "arrivals"; readonly clinics: readonly Arrived[] }
  | { readonly type: "error"; readonly code: string };

export type ServerFrame =
  | QueueFrame
  | { readonly type: "wait"; readonly reason: string }
  | { readonly type: "error"; readonly code: string; readonly fatal?: boolean };

export interface ClientFrame {
  readonly type: "snapshot";
}
