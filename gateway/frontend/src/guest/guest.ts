/** A guest's way: the link, the knock, the guest socket. */

import { signal } from "@preact/signals";
import { note } from "../shared/blocked";
import { ApiError, request } from "../shared/http";
import { delayMs } from "../shared/reconnect";
import { ReconnectingSocket } from "../shared/socket";
import { advance, type Event, type GuestState, type Stage } from "./journey";

export interface GuestFrame {
  readonly type: "guest";
  readonly state: GuestState;
  readonly place: "meeting" | "user" | "visit";
  readonly room: string;
  readonly clinic: string;
}

type ServerFrame =
  | GuestFrame
  | { readonly type: "wait"; readonly reason: string }
  | { readonly type: "replaced" }
  | { readonly type: "unknown" }
  | { readonly type: "error"; readonly code: string };

type ClientFrame =
  | { readonly type: "hello"; readonly name: string; readonly is_in: boolean }
  | { readonly type: "knock" }
  | { readonly type: "leave" };

export interface Door {
  readonly display_name: string;
  readonly locales: readonly string[];
  readonly guest: boolean;
}

export class Guest {
  readonly stage = signal<Stage>("loading");
  readonly door = signal<Door | null>(null);
  readonly latest = signal<GuestFrame | null>(null);
  readonly connected = signal(false);
  #secret: string;
  #name: string;
  /** What the person wants, until the gateway says that it is so. */
  #wanted: "knock" | "leave" | null = null;
  #claim = "";
  #socket: ReconnectingSocket<ServerFrame, ClientFrame> | null = null;

  constructor(private readonly place: string) {
    // The secret stands behind the `#`, which no server sees, and leaves the address at once.
    this.#secret = location.hash.slice(1) || recall(sessionStorage, `link.${place}`);
    if (location.hash !== "") history.replaceState(null, "", location.pathname + location.search);
    keep(sessionStorage, `link.${place}`, this.#secret);
    this.#name = recall(sessionStorage, `name.${place}`);
  }

  get callPath(): string {
    return `/ws/call/guest/${this.place}`;
  }

  get name(): string {
    return this.#name;
  }

  /** Ask whose door it is; opening the page uses nothing up. */
  async load(attempt = 0): Promise<void> {
    try {
      const door = await request<Door>("GET", `/api/guests/${this.place}`);
      this.door.value = door;
      const has = this.#secret !== "" ? "link" : door.guest && this.#name ? "pass" : null;
      this.#handle({ type: "door", has: has ?? (door.guest ? "link" : "nothing") });
      if (this.stage.value === "knocking") this.#connect();
    } catch (error) {
      if (error instanceof ApiError && !error.isTemporary) {
        this.#handle({ type: "clinic_unknown" });
        return;
      }
      this.#handle({ type: "unavailable" });
      setTimeout(() => void this.load(attempt + 1), delayMs(attempt + 1, Math.random()));
    }
  }

  /**
   * Use the link up, if it is not yet, and knock.
   *
   * @throws ApiError when the gateway refuses the name or does not answer.
   */
  async knock(name: string): Promise<void> {
    if (this.#secret !== "") {
      const body = { secret: this.#secret, claim: this.#claimed(), name };
      try {
        await request("POST", `/api/guests/${this.place}/redeem`, body);
      } catch (error) {
        if (!(error instanceof ApiError) || error.status !== 404) throw error;
        this.#forgetLink();
        this.#handle({ type: error.code === "unknown_link" ? "link_unknown" : "clinic_unknown" });
        return;
      }
    }
    this.#forgetLink();
    this.#name = name;
    keep(sessionStorage, `name.${this.place}`, name);
    this.knockAgain();
  }

  /** It was used up, or opens nothing: a reload shall not ask for a name again. */
  #forgetLink(): void {
    this.#secret = "";
    keep(sessionStorage, `link.${this.place}`, "");
  }

  /** Knock, after having left or been put out. */
  knockAgain(): void {
    this.#wanted = "knock";
    this.#handle({ type: "knocked" });
    this.#connect();
  }

  takeOver(): void {
    this.#handle({ type: "knocked" });
    this.#connect();
  }

  goBack(): void {
    this.#handle({ type: "go_back" });
  }

  callOver(outcome: Extract<Event, { type: "call_over" }>["outcome"]): void {
    this.#handle({ type: "call_over", outcome });
  }

  leave(): void {
    this.#wanted = "leave";
    this.#socket?.send({ type: "leave" });
    this.#handle({ type: "left" });
  }

  #connect(): void {
    this.#socket?.close();
    this.#socket = new ReconnectingSocket<ServerFrame, ClientFrame>(
      `/ws/guest/${this.place}`,
      undefined,
      {
        opened: () => this.#hello(),
        frame: (frame) => this.#take(frame),
        lost: (attempt) => {
          this.connected.value = false;
          if (attempt >= BLOCKED_AFTER) void this.#seeWhatIsBlocked();
        },
      },
    );
  }

  /** A call goes through WebSockets alone: where requests pass and they do not, the page says so. */
  async #seeWhatIsBlocked(): Promise<void> {
    const passes = await request("GET", `/api/guests/${this.place}`).then(
      () => true,
      () => false,
    );
    if (passes && !this.connected.value) note(true);
  }

  #hello(): void {
    const is_in = this.latest.value?.state === "admitted";
    this.#socket?.send({ type: "hello", name: this.#name, is_in });
  }

  #take(frame: ServerFrame): void {
    switch (frame.type) {
      case "guest":
        this.connected.value = true;
        if (this.#wanted !== null && BEFORE[this.#wanted].has(frame.state)) {
          this.#socket?.send({ type: this.#wanted });
          break;
        }
        this.#wanted = null;
        this.latest.value = frame;
        this.#handle({ type: "guest", state: frame.state });
        break;
      case "replaced":
        this.#handle({ type: "replaced" });
        break;
      case "unknown":
        this.#handle({ type: "guest_unknown" });
        break;
      case "wait":
      case "error":
        this.connected.value = false;
        break;
    }
  }

  /** Random, and the same whenever this browser opens a link: an answer that got lost is asked for again. */
  #claimed(): string {
    this.#claim ||= recall(localStorage, "claim") || random();
    keep(localStorage, "claim", this.#claim);
    return this.#claim;
  }

  #handle(event: Event): void {
    this.stage.value = advance(this.stage.value, event);
  }
}

/** States in which there is still something to be wanted. */
const BEFORE: Readonly<Record<"knock" | "leave", ReadonlySet<GuestState>>> = {
  knock: new Set(["left", "removed"]),
  leave: new Set(["knocking", "admitted"]),
};
/** So many sockets in a row that came to nothing are worth a question. */
const BLOCKED_AFTER = 2;

const PREFIX = "teleward.guest.";

function recall(storage: Storage, key: string): string {
  try {
    return storage.getItem(PREFIX + key) ?? "";
  } catch {
    return "";
  }
}

function keep(storage: Storage, key: string, value: string): void {
  try {
    if (value === "") storage.removeItem(PREFIX + key);
    else storage.setItem(PREFIX + key, value);
  } catch {
    // Storage is switched off: a reload will ask again.
  }
}

function random(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
