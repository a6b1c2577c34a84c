/** What the gateway tells a patient's page (docs/http.md, docs/wire.md). */

import type { Report } from "./report";

export type FieldKind = "Text" | "Phone" | "Date" | "Choice" | "Consent";

export interface EntryField {
  readonly name: string;
  readonly label: string;
  readonly kind: FieldKind;
  readonly required: boolean;
  readonly choices: readonly string[];
}

export interface Clinic {
  readonly namespace: string;
  readonly clinic: string;
  readonly display_name: string;
  readonly locales: readonly string[];
  readonly state: "open" | "closed" | "suspended" | "full";
  readonly message: string;
  readonly phone: string;
  /** Shown before entering; empty: there is none. */
  readonly information: string;
  /** To be accepted before entering; empty: there are none. */
  readonly terms: string;
  readonly entry_fields: readonly EntryField[];
  readonly visit: boolean;
}

export const SPEAKS_AS = ["relative", "carer", "interpreter"] as const;
export type SpeaksAs = (typeof SPEAKS_AS)[number];

/** Who speaks for the patient. */
export interface Speaker {
  readonly name: string;
  readonly role: SpeaksAs;
}

/** What the person typed; kept in sessionStorage only. */
export interface Entry {
  readonly name: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly speaker?: Speaker;
  /** As the clinic's link said, with its offset from UTC. */
  readonly appointment?: string;
}

export type VisitState =
  | "waiting"
  | "called"
  | "in_consultation"
  | "on_hold"
  | "ended"
  | "refused";

/** What staff wrote last, already in the page's language if the clinic has it. */
export interface Message {
  readonly text: string;
  readonly at: string;
}

export interface VisitFrame {
  readonly type: "visit";
  readonly state: VisitState;
  readonly arrived_at: string;
  readonly clinic: {
    readonly display_name: string;
    readonly notice?: string;
    readonly phone?: string;
  };
  readonly position?: number | null;
  readonly message?: Message | null;
  /** Somebody wanted to call in, and there was no place for the call. */
  readonly delayed?: boolean;
  /** What follows a consultation, if the clinic has anything to say. */
  readonly closing?: { readonly message: string; readonly link: string } | null;
}

export type ServerFrame =
  | VisitFrame
  | { readonly type: "wait"; readonly reason: string }
  | { readonly type: "replaced" }
  /** The visit waits in another clinic of the organisation. */
  | { readonly type: "transferred"; readonly clinic: string; readonly display_name: string }
  | { readonly type: "unknown" }
  | { readonly type: "probed"; readonly number: number }
  | { readonly type: "error"; readonly code: string; readonly fatal?: boolean };

export type ClientFrame =
  | ({
      readonly type: "hello";
      readonly locale: string;
      /** What the page was told last. */
      readonly state: VisitState | null;
    } & Entry)
  | ({ readonly type: "report" } & Report)
  | { readonly type: "probe"; readonly number: number }
  | { readonly type: "leave" };
