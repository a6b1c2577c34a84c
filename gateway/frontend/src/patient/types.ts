/** What the gateway tells a patient's page (docs/http.md, docs/wire.md). */

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
  readonly entry_fields: readonly EntryField[];
  readonly visit: boolean;
}

/** What the person typed; kept in sessionStorage only. */
export interface Entry {
  readonly name: string;
  readonly fields: Readonly<Record<string, string>>;
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
}

export type ServerFrame =
  | VisitFrame
  | { readonly type: "wait"; readonly reason: string }
  | { readonly type: "replaced" }
  /** The visit waits in another clinic of the organisation. */
  | { readonly type: "transferred"; readonly clinic: string; readonly display_name: string }
  | { readonly type: "unknown" }
  | { readonly type: "error"; readonly code: string; readonly fatal?: boolean };

export type ClientFrame =
  | ({ readonly type: "hello"; readonly locale: string; readonly on_hold: boolean } & Entry)
  | { readonly type: "leave" };
