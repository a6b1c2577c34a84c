/** A WebSocket that comes back by itself until it is closed for good, and a stream where WebSockets are blocked. */

import { blocked, note } from "./blocked";
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

/** The same frames as server-sent events; the body is asked for at each attempt. */
export interface Fallback {
  readonly path: string;
  body(): object;
}

/** One connection, of whichever kind. */
interface Line {
  send(text: string): boolean;
  close(): void;
}

/** Close codes after which reconnecting is wrong: done, replaced, unknown. */
const FINAL_CODES = new Set([1000, 4001, 4004]);

/** A connection that lasted this long was a good one. */
const LIVED_MS = 3000;
/** A WebSocket that is not open by then never will be: some proxies swallow the request for one. */
const OPEN_WITHIN_MS = 6000;
/** After so many WebSockets that never opened a stream is tried. */
const TRIES = 2;

export class ReconnectingSocket<In extends Frame, Out extends Frame> {
  #line: Line | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;
  #openedMs = 0;
  #closed = false;
  /** WebSockets in a row that never opened. */
  #shut = 0;

  constructor(
    private readonly path: string,
    private readonly protocol: string | undefined,
    private readonly handlers: Handlers<In>,
    private readonly fallback?: Fallback,
  ) {
    addEventListener("online", this.#retryNow);
    this.#open();
  }

  /** Send one frame; says false when no socket is open (the caller's state is sent again later). */
  send(frame: Out): boolean {
    return this.#line?.send(JSON.stringify(frame)) ?? false;
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
    this.#openedMs = 0;
    const streams = blocked.value || this.#shut >= TRIES;
    if (this.fallback !== undefined && streams) void this.#openStream(this.fallback);
    else this.#line = this.#openSocket();
  }

  #openSocket(): Line {
    const socket = this.#webSocket();
    const line: Line = {
      send: (text) => {
        if (socket.readyState !== WebSocket.OPEN) return false;
        socket.send(text);
        return true;
      },
      close: () => socket.close(),
    };
    const slow = setTimeout(() => {
      socket.close();
      ended(1006);
    }, OPEN_WITHIN_MS);
    const ended = (code: number) => {
      clearTimeout(slow);
      if (line !== this.#line) return;
      this.#shut = this.#openedMs > 0 ? 0 : this.#shut + 1;
      this.#gone(code);
    };
    socket.onopen = () => {
      clearTimeout(slow);
      if (line !== this.#line) return;
      this.#shut = 0;
      note(false);
      this.#isOpen();
    };
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (line === this.#line) this.#take(event.data);
    };
    socket.onclose = (event) => ended(event.code);
    return line;
  }

  async #openStream({ path, body }: Fallback): Promise<void> {
    const line: Line = { send: () => false, close: () => stop() };
    let stop = () => {};
    this.#line = line;
    const module = await import("./event-stream").catch(() => null);
    if (line !== this.#line) return;
    if (module === null) {
      this.#gone(1006);
      return;
    }
    const stream = new module.EventStream(path, body(), {
      opened: () => {
        if (line !== this.#line) return;
        this.#isOpen();
        void this.#probe(line);
      },
      data: (text) => {
        if (line === this.#line) this.#take(text);
      },
      closed: (code) => {
        if (line !== this.#line) return;
        // What failed, too, is no way around: WebSockets have their turn again.
        if (this.#openedMs === 0) {
          this.#shut = 0;
          note(false);
        }
        this.#gone(code);
      },
    });
    stop = () => stream.close();
  }

  /** Requests pass now: if a WebSocket does too, it was not the network that shut it, and it is used again. */
  async #probe(line: Line): Promise<void> {
    const socket = this.#webSocket();
    const opens = await new Promise<boolean>((done) => {
      setTimeout(() => done(false), OPEN_WITHIN_MS);
      socket.onopen = () => done(true);
      socket.onclose = () => done(false);
    });
    socket.close();
    if (line !== this.#line) return;
    note(!opens);
    if (!opens) return;
    this.#shut = 0;
    this.#drop();
    this.#open();
  }

  #webSocket(): WebSocket {
    const url = new URL(this.path, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    return new WebSocket(url, this.protocol === undefined ? [] : [this.protocol]);
  }

  #isOpen(): void {
    this.#openedMs = performance.now();
    this.handlers.opened?.();
  }

  #take(data: unknown): void {
    const frame = parse<In>(data);
    if (frame !== null) this.handlers.frame(frame);
  }

  #gone(code: number): void {
    this.#line = null;
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
    const line = this.#line;
    this.#line = null;
    line?.close();
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
