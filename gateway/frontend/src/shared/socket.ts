/** A WebSocket that comes back by itself until it is closed for good. */

import { delayMs } from "./reconnect";

export interface Frame {
  readonly type: string;
}

export interface Handlers<In extends Frame> {
  /** The socket is open; runs again after every reconnection. */
  opened?(): void;
  frame(frame: In): void;
  /** The socket was lost; a new attempt is under way. */
  lost?(attempt: number): void;
  /** The other side closed with a code after which nobody should try again. */
  stopped?(code: number): void;
}

/** Close codes after which reconnecting is wrong: done, replaced, unknown. */
const FINAL_CODES = new Set([1000, 4001, 4004]);

/** A connection that lasted this long was a good one. */
const LIVED_MS = 3000;

export class ReconnectingSocket<In extends Frame, Out extends Frame> {
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #openedMs = 0;
  #closed = false;

  constructor(
    private readonly path: string,
    private readonly protocol: string | undefined,
    private readonly handlers: Handlers<In>,
  ) {
    addEventListener("online", this.#retryNow);
    this.#open();
  }

  /** Send one frame; says false when the socket is not open (the caller's state is sent again later). */
  send(frame: Out): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Drop this connection and make a new one. */
  recycle(): void {
    this.#drop();
    this.#retryLater();
  }

  close(): void {
    this.#closed = true;
    removeEventListener("online", this.#retryNow);
    clearTimeout(this.#timer);
    this.#drop();
  }

  #open(): void {
    const url = new URL(this.path, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url, this.protocol === undefined ? [] : [this.protocol]);
    this.#socket = socket;
    this.#openedMs = 0;
    socket.onopen = () => {
      this.#openedMs = performance.now();
      this.handlers.opened?.();
    };
    socket.onmessage = (event: MessageEvent<unknown>) => {
      const frame = parse<In>(event.data);
      if (frame !== null) this.handlers.frame(frame);
    };
    socket.onclose = (event) => {
      if (socket === this.#socket) this.#gone(event.code);
    };
  }

  #gone(code: number): void {
    this.#socket = null;
    if (this.#closed) return;
    if (this.#lived()) this.#attempt = 0;
    if (FINAL_CODES.has(code)) {
      this.close();
      this.handlers.stopped?.(code);
      return;
    }
    this.#retryLater();
  }

  /** A door that opens and shuts at once must not be knocked at ever faster. */
  #lived(): boolean {
    return this.#openedMs > 0 && performance.now() - this.#openedMs > LIVED_MS;
  }

  #retryLater(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), delayMs(this.#attempt, Math.random()));
    this.handlers.lost?.(this.#attempt);
    this.#attempt += 1;
  }

  /** The network is back: a socket that slept through the loss is not to be trusted. */
  #retryNow = (): void => {
    if (this.#closed) return;
    this.#drop();
    clearTimeout(this.#timer);
    this.#open();
  };

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }
}

function parse<In extends Frame>(data: unknown): In | null {
  if (typeof data !== "string") return null;
  try {
    const frame: unknown = JSON.parse(data);
    const known = typeof frame === "object" && frame !== null && "type" in frame;
    return known ? (frame as In) : null;
  } catch {
    return null;
  }
}
