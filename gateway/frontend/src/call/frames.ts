/** The call socket's frames (docs/wire.md). */

export const SUBPROTOCOL = "teleward.call.v1";

export type Role = "patient" | "clinician" | "staff" | "guest";
export type Source = "microphone" | "camera" | "screen";

export interface ParticipantView {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly audio: boolean;
  readonly video: boolean;
  readonly screen: boolean;
  readonly held: boolean;
}

export interface SlotView {
  readonly mid: string;
  readonly kind: "audio" | "video";
  readonly participant: string | null;
  readonly source?: Source | null;
}

export type CloseReason =
  | "left"
  | "ended"
  | "removed"
  | "replaced"
  | "moved"
  | "shutdown"
  | "gone"
  | "flooding";

export type WaitReason = "recovering" | "unavailable" | "no_capacity";

interface State {
  readonly you: string;
  readonly participants: readonly ParticipantView[];
  readonly slots: readonly SlotView[];
  readonly encodings: readonly string[];
}

export interface Joined extends State {
  readonly type: "joined";
  readonly answer: string;
}

export interface Resumed extends State {
  readonly type: "resumed";
}

export interface Ready {
  readonly type: "ready";
  readonly resumable: boolean;
  readonly call: string;
  readonly epoch: number;
  readonly media_node: string;
}

export type ServerFrame =
  | Joined
  | Resumed
  | Ready
  | { readonly type: "participants"; readonly participants: readonly ParticipantView[] }
  | { readonly type: "slots"; readonly slots: readonly SlotView[] }
  | { readonly type: "encodings"; readonly active: readonly string[] }
  | { readonly type: "closed"; readonly reason: CloseReason }
  | { readonly type: "error"; readonly code: string; readonly fatal?: boolean }
  | { readonly type: "wait"; readonly reason: WaitReason }
  | { readonly type: "move" };

export type ClientFrame =
  | { readonly type: "join"; readonly offer: string }
  | { readonly type: "resume" }
  | {
      readonly type: "media";
      readonly audio: boolean;
      readonly video: boolean;
      readonly screen: boolean;
    }
  | { readonly type: "hold"; readonly participant: string; readonly on: boolean }
  | { readonly type: "remove"; readonly participant: string }
  | { readonly type: "end" }
  | { readonly type: "leave" };
