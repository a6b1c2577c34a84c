/** Frames as server-sent events (docs/wire.md), for networks that block WebSockets. Loaded only there. */

/** The gateway beats every 15 s: after three that did not come the stream is dead, whatever the network says. */
const SILENCE_MS = 45_000;

export interface Listener {
  opened(): void;
  data(text: string): void;
  /** It is over, or never began; the code is that of a WebSocket. */
  closed(code: number): void;
}

export class EventStream {
  readonly #stop = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #code = 1006;

  constructor(path: string, body: object, listener: Listener) {
    void this.#read(path, body, listener);
  }

  close(): void {
    this.#stop.abort();
  }

  async #read(path: string, body: object, listener: Listener): Promise<void> {
    try {
      this.#wait();
      const answer = await fetch(path, {
        method: "POST",
        headers: { accept: "text/event-stream", "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: this.#stop.signal,
      });
      if (!answer.ok || answer.body === null) throw new Error(`${answer.status}`);
      listener.opened();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        this.#wait();
        const events = `${rest}${value}`.split("\n\n");
        rest = events.pop() ?? "";
        for (const event of events) this.#take(event, listener);
      }
    } catch {
      // What it was, the network alone knows: whoever listens tries again.
    }
    clearTimeout(this.#timer);
    listener.closed(this.#code);
  }

  #take(event: string, listener: Listener): void {
    const fields = new Map<string, string>();
    for (const line of event.split("\n")) {
      const at = line.indexOf(": ");
      if (at > 0) fields.set(line.slice(0, at), line.slice(at + 2));
    }
    const data = fields.get("data");
    if (data === undefined) return;
    if (fields.get("event") === "close") this.#code = Number(data);
    else listener.data(data);
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#stop.abort(), SILENCE_MS);
  }
}
