/** A guest's way: the link, the knock, the guest socket. */

import { signal } from "@preact/signals";
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
  /** The person has asked to come in, and has not been heard yet. */
  #isKnocking = false;
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
      const body = { secret: this.#secret, claim: claimOfThisBrowser(), name };
      try {
        await request("POST", `/api/guests/${this.place}/redeem`, body);
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== "unknown_link") throw error;
        this.#handle({ type: "link_unknown" });
        return;
      }
    }
    this.#secret = "";
    this.#name = name;
    keep(sessionStorage, `link.${this.place}`, "");
    keep(sessionStorage, `name.${this.place}`, name);
    this.knockAgain();
  }

  /** Knock, after having left or been put out. */
  knockAgain(): void {
    this.#isKnocking = true;
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
    this.#socket?.send({ type: "leave" });
  }

  #connect(): void {
    this.#socket?.close();
    this.#socket = new ReconnectingSocket<ServerFrame, ClientFrame>(
      `/ws/guest/${this.place}`,
      undefined,
      {
        opened: () => this.#hello(),
        frame: (frame) => this.#take(frame),
        lost: () => {
          this.connected.value = false;
        },
        stopped: (code) => this.#stopped(code),
      },
    );
  }

  #hello(): void {
    const is_in = this.latest.value?.state === "admitted";
    this.#socket?.send({ type: "hello", name: this.#name, is_in });
  }

  #take(frame: ServerFrame): void {
    switch (frame.type) {
      case "guest":
        this.connected.value = true;
        if (this.#isKnocking && (frame.state === "left" || frame.state === "removed")) {
          this.#socket?.send({ type: "knock" });
        } else {
          this.latest.value = frame;
          this.#handle({ type: "guest", state: frame.state });
        }
        this.#isKnocking = false;
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

  #stopped(code: number): void {
    if (code === 4001) this.#handle({ type: "replaced" });
    if (code === 4004) this.#handle({ type: "guest_unknown" });
  }

  #handle(event: Event): void {
    this.stage.value = advance(this.stage.value, event);
  }
}

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

/** Random, and the same whenever this browser opens a link: an answer that got lost is asked for again. */
function claimOfThisBrowser(): string {
  const known = recall(localStorage, "claim");
  if (known !== "") return known;
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  const made = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  keep(localStorage, "claim", made);
  return made;
}
