/** One call, from the first socket to the last frame: carries out what `session.ts` orders. */

import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import type { LocalMedia } from "../shared/media";
import { ReconnectingSocket } from "../shared/socket";
import {
  type ClientFrame,
  type Joined,
  type ParticipantView,
  type Resumed,
  type ServerFrame,
  type SlotView,
  SUBPROTOCOL,
} from "./frames";
import { Peer } from "./peer";
import { type Event, NEW_SESSION, type Order, type Session, step } from "./session";
import { type Person, people } from "./slots";
import { hasMedia, type PeerStats, peerStats } from "./stats";

const SWITCH_POLL_MS = 100;
const SWITCH_PATIENCE_MS = 3000;

export interface CallStats extends Partial<PeerStats> {
  readonly phase: string;
  readonly epoch: number | null;
  readonly mediaNode: string | null;
}

/** What is drawn: one peer connection, with the people that arrive over it. */
interface Stage {
  readonly peer: Peer;
  readonly slots: readonly SlotView[];
}

export class Call {
  readonly session = signal<Session>(NEW_SESSION);
  readonly you = signal("");
  readonly participants = signal<readonly ParticipantView[]>([]);
  readonly #stage = signal<Stage | null>(null);
  readonly persons: ReadonlySignal<Person[]> = computed(() =>
    people(this.participants.value, this.#stage.value?.slots ?? [], this.you.value),
  );
  /** This person is held: nothing is sent or received. */
  readonly held = computed(
    () => this.participants.value.find((one) => one.id === this.you.value)?.held ?? false,
  );

  readonly #socket: ReconnectingSocket<ServerFrame, ClientFrame>;
  #next: Stage | null = null;
  readonly #disposers: (() => void)[];

  constructor(
    path: string,
    private readonly media: LocalMedia,
    /** Whether this person may hold others. */
    private readonly mayHold: boolean,
  ) {
    this.#socket = new ReconnectingSocket<ServerFrame, ClientFrame>(path, SUBPROTOCOL, {
      frame: (frame) => this.#take({ type: "frame", frame }),
      lost: () => this.#take({ type: "socket_lost" }),
      stopped: (code) => this.#take({ type: "socket_stopped", code }),
    });
    this.#disposers = [effect(() => this.#sendTracks()), effect(() => this.#sayMedia())];
  }

  leave(): void {
    this.#socket.send({ type: "leave" });
    this.#finishAs("left");
  }

  endForAll(): void {
    this.#socket.send({ type: "end" });
  }

  hold(participant: string, on: boolean): void {
    this.#socket.send({ type: "hold", participant, on });
  }

  /** The track to be drawn or played for one receive slot. */
  track(mid: string | null): MediaStreamTrack | null {
    return mid === null ? null : (this.#stage.value?.peer.track(mid) ?? null);
  }

  /** Stop without a word; the others see this person go after the grace period, or at `leave`. */
  close(): void {
    for (const dispose of this.#disposers.splice(0)) dispose();
    this.#socket.close();
    this.#next?.peer.close();
    this.#next = null;
    this.#stage.peek()?.peer.close();
    this.#stage.value = null;
  }

  async stats(): Promise<CallStats> {
    const { phase, epoch, mediaNode } = this.session.peek();
    const stage = this.#stage.peek();
    const figures = stage && (await peerStats(stage.peer.connection, this.persons.peek()));
    return { phase, epoch, mediaNode, ...figures };
  }

  #finishAs(outcome: "left"): void {
    this.session.value = { ...this.session.peek(), phase: "over", outcome };
    this.close();
  }

  #take(event: Event): void {
    const [session, orders] = step(this.session.peek(), event);
    this.session.value = session;
    for (const order of orders) this.#carryOut(order);
  }

  #carryOut(order: Order): void {
    switch (order.type) {
      case "join":
        void this.#join();
        break;
      case "resume":
        this.#socket.send({ type: "resume" });
        break;
      case "accept":
        void this.#accept(order.frame);
        break;
      case "restore":
        this.#restore(order.frame);
        break;
      case "show":
        this.#show(order.frame);
        break;
      case "recycle":
        this.#socket.recycle();
        break;
      case "finish":
        this.close();
        break;
    }
  }

  async #join(): Promise<void> {
    this.#next?.peer.close();
    const peer = new Peer(() => this.#peerFailed(peer));
    const stage = { peer, slots: [] };
    this.#next = stage;
    await peer.setTrack("microphone", this.media.microphone.track.peek());
    await peer.setTrack("camera", this.media.camera.track.peek());
    const offer = await peer.offer();
    if (this.#next === stage) this.#socket.send({ type: "join", offer });
  }

  async #accept(frame: Joined): Promise<void> {
    const joining = this.#next;
    if (joining === null) return;
    const stage = { peer: joining.peer, slots: frame.slots };
    this.#next = stage;
    this.you.value = frame.you;
    if (this.mayHold) this.#holdAgain();
    this.participants.value = frame.participants;
    if (this.#stage.peek() === null) this.#promote(stage);
    this.#sayMedia();
    try {
      await stage.peer.accept(frame.answer, frame.encodings);
    } catch {
      this.#peerFailed(stage.peer);
      return;
    }
    await this.#switchWhenReady(stage.peer);
  }

  /** A call that was placed anew does not know who was held. */
  #holdAgain(): void {
    for (const { id, held } of this.participants.peek()) {
      if (held && id !== this.you.peek()) this.hold(id, true);
    }
  }

  /** Keep the old pictures on the screen until the new connection brings the first one. */
  async #switchWhenReady(peer: Peer): Promise<void> {
    const deadline = performance.now() + SWITCH_PATIENCE_MS;
    while (this.#next?.peer === peer && performance.now() < deadline) {
      const arriving = people(this.participants.peek(), this.#next.slots, this.you.peek());
      if (await hasMedia(peer.connection, arriving)) break;
      await new Promise((resolve) => setTimeout(resolve, SWITCH_POLL_MS));
    }
    if (this.#next?.peer === peer) this.#promote(this.#next);
  }

  #promote(stage: Stage): void {
    const old = this.#stage.peek();
    this.#next = null;
    this.#stage.value = stage;
    old?.peer.close();
  }

  #restore(frame: Resumed): void {
    this.you.value = frame.you;
    this.#show({ type: "participants", participants: frame.participants });
    this.#show({ type: "slots", slots: frame.slots });
    this.#show({ type: "encodings", active: frame.encodings });
    this.#sayMedia();
  }

  /** Frames of the call's state belong to the newest joined peer. */
  #show(frame: ServerFrame): void {
    const stage = this.#next ?? this.#stage.peek();
    if (frame.type === "participants") this.participants.value = frame.participants;
    if (frame.type === "encodings") void stage?.peer.setEncodings(frame.active);
    if (frame.type !== "slots" || stage === null) return;
    const changed = { peer: stage.peer, slots: frame.slots };
    if (this.#next === stage) this.#next = changed;
    else this.#stage.value = changed;
  }

  #peerFailed(peer: Peer): void {
    const newest = (this.#next ?? this.#stage.peek())?.peer;
    if (peer === newest && this.session.peek().phase === "live")
      this.#take({ type: "peer_failed" });
  }

  #sendTracks(): void {
    const { microphone, camera } = this.media;
    const tracks = [microphone.track.value, camera.track.value] as const;
    for (const stage of [this.#next, this.#stage.value]) {
      void stage?.peer.setTrack("microphone", tracks[0]);
      void stage?.peer.setTrack("camera", tracks[1]);
    }
  }

  #sayMedia(): void {
    const audio = this.media.microphone.state.value === "on" && !this.media.muted.value;
    const video = this.media.camera.state.value === "on";
    if (this.session.peek().phase === "live") {
      this.#socket.send({ type: "media", audio, video, screen: false });
    }
  }
}
