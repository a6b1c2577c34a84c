/** The live queue of one clinic. */

import { signal } from "@preact/signals";
import { t } from "../shared/i18n";
import { ReconnectingSocket } from "../shared/socket";
import { announce } from "../shared/ui";
import { loadMe } from "./account";
import { arrivals, knocks, type Queue, update } from "./queue";
import type { ClientFrame, QueueFrame, ServerFrame } from "./types";

export class LiveQueue {
  readonly queue = signal<Queue | null>(null);
  readonly connected = signal(false);
  readonly #socket: ReconnectingSocket<ServerFrame, ClientFrame>;

  constructor(namespace: string, clinic: string) {
    this.#socket = new ReconnectingSocket<ServerFrame, ClientFrame>(
      `/ws/staff/${namespace}/${clinic}`,
      undefined,
      {
        frame: (frame) => this.#take(frame),
        lost: (attempt) => {
          this.connected.value = false;
          // A socket cannot say 401; the sign-in may have run out.
          if (attempt === 1) void loadMe();
        },
        stopped: () => {
          this.connected.value = false;
          void loadMe();
        },
      },
      { path: `/stream/staff/${namespace}/${clinic}`, body: () => ({}) },
    );
  }

  close(): void {
    this.#socket.close();
  }

  #take(frame: ServerFrame): void {
    if (frame.type === "queue" || frame.type === "queue_delta") this.#update(frame);
    else this.connected.value = false;
  }

  #update(frame: QueueFrame): void {
    this.connected.value = true;
    const before = this.queue.value;
    const result = update(before, frame);
    if ("gap" in result) {
      // A stream is asked anew.
      if (!this.#socket.send({ type: "snapshot" })) this.#socket.recycle();
      return;
    }
    this.queue.value = result.queue;
    for (const name of arrivals(before, result.queue)) announce(t("queue-arrived", { name }));
    for (const name of knocks(before, result.queue)) announce(t("guest-arrived", { name }));
  }
}
