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
  /** Something that this person sends does not arrive. */
  readonly stalled?: boolean;
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
  readonly locked?: boolean;
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
  /** How many the call may have. */
  readonly max_participants?: number;
}

export interface Said {
  readonly type: "chat";
  /** Rises by the call; at one media node. */
  readonly number: number;
  readonly participant: string;
  readonly text: string;
}

/** How one picture slot is shown. */
export interface ShownSlot {
  readonly mid: string;
  /** Device pixels; 0: hidden. */
  readonly height: number;
  readonly pinned: boolean;
}

/** How a path does; null where nothing is known. `up` is towards the media node. */
export interface QualityView {
  readonly round_trip_ms: number | null;
  readonly up_loss: number | null;
  readonly up_jitter_ms: number | null;
  readonly up_bps: number | null;
  readonly down_loss: number | null;
  readonly down_jitter_ms: number | null;
  readonly down_bps: number | null;
  readonly path: string | null;
}

export type ServerFrame =
  | Joined
  | Resumed
  | Ready
  | {
      readonly type: "participants";
      readonly participants: readonly ParticipantView[];
      readonly locked?: boolean;
    }
  | { readonly type: "restarted"; readonly answer: string }
  | { readonly type: "speaker"; readonly participant: string | null }
  | Said
  | { readonly type: "muted"; readonly by: string }
  | (QualityView & { readonly type: "quality" })
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
  | { readonly type: "restart"; readonly offer: string }
  | { readonly type: "lock"; readonly on: boolean }
  | { readonly type: "mute"; readonly participant: string }
  | { readonly type: "chat"; readonly text: string }
  | { readonly type: "view"; readonly slots: readonly ShownSlot[] }
  | { readonly type: "hold"; readonly participant: string; readonly on: boolean }
  | { readonly type: "remove"; readonly participant: string }
  | { readonly type: "end" }
  | { readonly type: "leave" };
