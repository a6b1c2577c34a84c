/** One call, from the first socket to the last frame: carries out what `session.ts` orders. */

import { computed, effect, type ReadonlySignal, signal } from "@preact/signals";
import type { LocalMedia } from "../shared/media";
import { ReconnectingSocket } from "../shared/socket";
import { type Conversation, hear, SILENCE } from "./conversation";
import {
  type ClientFrame,
  type Joined,
  type ParticipantView,
  type QualityView,
  type Resumed,
  type ServerFrame,
  type SlotView,
  SUBPROTOCOL,
} from "./frames";
import { debounced, watchNetwork } from "./network";
import { Peer } from "./peer";
import { type Event, NEW_SESSION, type Order, type Session, step } from "./session";
import { viewOf } from "./sizes";
import { type Person, people, receiveSlots } from "./slots";
import { hasMedia, type PeerStats, peerStats } from "./stats";

/** Text is read, not watched; sharp pictures matter more than many. */
const SCREEN_FPS = 15;
const SWITCH_POLL_MS = 100;
const SWITCH_PATIENCE_MS = 3000;
/** Between a change of the layout and telling it: a window that is being drawn larger changes all the time. */
const VIEW_SETTLE_MS = 200;
/** After a call was placed anew: whoever was in it has joined again by then, and it may be locked again. */
const LOCK_AGAIN_MS = 10_000;

export interface CallStats extends Partial<PeerStats> {
  readonly phase: string;
  readonly epoch: number | null;
  readonly mediaNode: string | null;
  readonly quality: QualityView | null;
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

  readonly locked = signal(false);
  /** Who speaks now, by id. */
  readonly speaker = signal<string | null>(null);
  /** Whom this person wants to see above all, by id. */
  readonly pinned = signal<string | null>(null);
  readonly conversation = signal<Conversation>(SILENCE);
  /** Name of who muted this person, until the microphone is on again. */
  readonly mutedBy = signal<string | null>(null);

  /** What this person shows of the screen; null while nothing is shared. */
  readonly screen = signal<MediaStreamTrack | null>(null);

  readonly #socket: ReconnectingSocket<ServerFrame, ClientFrame>;
  /** Offered, or about to be; what the socket says before its answer is about another connection. */
  #joining: Peer | null = null;
  /** Joined, and not drawn yet. */
  #next: Stage | null = null;
  #quality: QualityView | null = null;
  #lockTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #heights = new Map<string, number>();
  readonly #viewLater = debounced(() => this.#sayView(), VIEW_SETTLE_MS);
  readonly #disposers: (() => void)[];

  constructor(
    path: string,
    private readonly media: LocalMedia,
    /** What the media node would let this person do. */
    private readonly rights: { readonly hold: boolean; readonly lock: boolean },
  ) {
    this.#socket = new ReconnectingSocket<ServerFrame, ClientFrame>(path, SUBPROTOCOL, {
      frame: (frame) => this.#take({ type: "frame", frame }),
      lost: () => this.#take({ type: "socket_lost" }),
      stopped: (code) => this.#take({ type: "socket_stopped", code }),
    });
    this.#disposers = [
      effect(() => this.#sendTracks()),
      effect(() => this.#sayMedia()),
      watchNetwork(() => this.#take({ type: "network_changed" })),
    ];
    document.addEventListener("visibilitychange", this.#viewLater.run);
  }

  leave(): void {
    this.#socket.send({ type: "leave" });
    this.#finishAs("left");
  }

  /** Says whether it could be asked for. */
  endForAll(): boolean {
    return this.#socket.send({ type: "end" });
  }

  hold(participant: string, on: boolean): void {
    this.#socket.send({ type: "hold", participant, on });
  }

  mute(participant: string): void {
    this.#socket.send({ type: "mute", participant });
  }

  /** Put somebody out, who comes back only if admitted anew. */
  remove(participant: string): void {
    this.#socket.send({ type: "remove", participant });
  }

  lock(on: boolean): void {
    this.#socket.send({ type: "lock", on });
  }

  /** Say something in writing; says false when it could not be sent. */
  say(text: string): boolean {
    return this.#socket.send({ type: "chat", text });
  }

  /** Ask which window to show to the others; nothing happens when the question is dismissed. */
  async shareScreen(): Promise<void> {
    const stream = await navigator.mediaDevices
      .getDisplayMedia({ video: { frameRate: SCREEN_FPS } })
      .catch(() => null);
    const [track] = stream?.getVideoTracks() ?? [];
    if (track === undefined) return;
    if (this.#disposers.length === 0) return track.stop(); // The call ended over the question.
    track.contentHint = "detail";
    track.onended = () => this.stopSharing();
    this.screen.value = track;
  }

  stopSharing(): void {
    this.screen.peek()?.stop();
    this.screen.value = null;
  }

  pin(participant: string | null): void {
    this.pinned.value = participant;
    this.#viewLater.run();
  }

  /** A picture is shown at this height in CSS pixels; null: it is not on the page. */
  shows(mid: string, height: number | null): void {
    if (height === null) this.#heights.delete(mid);
    else this.#heights.set(mid, height);
    this.#viewLater.run();
  }

  /** The track to be drawn or played for one receive slot. */
  track(mid: string | null): MediaStreamTrack | null {
    return mid === null ? null : (this.#stage.value?.peer.track(mid) ?? null);
  }

  /** Stop without a word; the others see this person go after the grace period, or at `leave`. */
  close(): void {
    for (const dispose of this.#disposers.splice(0)) dispose();
    document.removeEventListener("visibilitychange", this.#viewLater.run);
    this.#viewLater.cancel();
    this.stopSharing();
    clearTimeout(this.#lockTimer);
    this.#socket.close();
    this.#joining?.close();
    this.#joining = null;
    this.#next?.peer.close();
    this.#next = null;
    this.#stage.peek()?.peer.close();
    this.#stage.value = null;
  }

  async stats(): Promise<CallStats> {
    const { phase, epoch, mediaNode } = this.session.peek();
    const stage = this.#stage.peek();
    const figures = stage && (await peerStats(stage.peer.connection, this.persons.peek()));
    return { phase, epoch, mediaNode, quality: this.#quality, ...figures };
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
      case "restart":
        void this.#restart();
        break;
      case "accept_restart":
        void this.#newest()
          ?.peer.acceptRestart(order.answer)
          .catch(() => null);
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
    this.#joining?.close();
    const peer = new Peer(
      receiveSlots(this.session.peek().maxParticipants),
      () => this.#peerFailed(peer),
      () => this.#take({ type: "network_changed" }),
    );
    this.#joining = peer;
    try {
      await peer.setTrack("microphone", this.media.microphone.track.peek());
      await peer.setTrack("camera", this.media.camera.track.peek());
      await peer.setTrack("screen", this.screen.peek());
      const offer = this.#joining === peer ? await peer.offer() : "";
      if (this.#joining === peer) this.#socket.send({ type: "join", offer });
    } catch {
      if (this.#joining === peer) this.#take({ type: "peer_failed" });
    }
  }

  async #accept(frame: Joined): Promise<void> {
    const joining = this.#joining;
    if (joining === null) return;
    const stage = { peer: joining, slots: frame.slots };
    this.#joining = null;
    this.#next?.peer.close();
    this.#next = stage;
    this.you.value = frame.you;
    this.#decideAgain(frame);
    this.participants.value = frame.participants;
    this.locked.value = frame.locked ?? false;
    this.speaker.value = null;
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

  /** A call that was placed anew does not know who was held, nor that it was locked. */
  #decideAgain(frame: Joined): void {
    if (this.rights.hold) {
      for (const { id, held } of this.participants.peek()) {
        if (held && id !== this.you.peek()) this.hold(id, true);
      }
    }
    if (this.rights.lock && this.locked.peek() && !frame.locked) {
      this.#lockTimer = setTimeout(() => this.lock(true), LOCK_AGAIN_MS);
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
    this.#viewLater.run();
  }

  #restore(frame: Resumed): void {
    this.you.value = frame.you;
    const { participants, locked = false } = frame;
    this.#show({ type: "participants", participants, locked });
    this.#show({ type: "slots", slots: frame.slots });
    this.#show({ type: "encodings", active: frame.encodings });
    this.#sayMedia();
  }

  /** Frames of the call's state belong to the newest joined peer. */
  #show(frame: ServerFrame): void {
    switch (frame.type) {
      case "participants":
        this.participants.value = frame.participants;
        this.locked.value = frame.locked ?? false;
        break;
      case "encodings":
        void this.#newest()?.peer.setEncodings(frame.active);
        break;
      case "slots":
        this.#showSlots(frame.slots);
        break;
      case "speaker":
        this.speaker.value = frame.participant;
        break;
      case "chat": {
        const { epoch } = this.session.peek();
        const name = this.#nameOf(frame.participant);
        this.conversation.value = hear(this.conversation.peek(), frame, epoch, name);
        break;
      }
      case "muted":
        this.media.setMuted(true);
        this.mutedBy.value = this.#nameOf(frame.by);
        break;
      case "quality":
        this.#quality = frame;
        break;
    }
  }

  #showSlots(slots: readonly SlotView[]): void {
    const stage = this.#newest();
    if (stage === null) return;
    const changed = { peer: stage.peer, slots };
    if (this.#next === stage) this.#next = changed;
    else this.#stage.value = changed;
    this.#viewLater.run();
  }

  /** The newest joined peer; another may still be what is drawn. */
  #newest(): Stage | null {
    return this.#next ?? this.#stage.peek();
  }

  #nameOf(participant: string): string {
    return this.participants.peek().find((one) => one.id === participant)?.name ?? "";
  }

  async #restart(): Promise<void> {
    const peer = this.#newest()?.peer;
    try {
      const offer = await peer?.restart();
      if (offer !== undefined) this.#socket.send({ type: "restart", offer });
    } catch {
      if (peer !== undefined) this.#peerFailed(peer);
    }
  }

  #sayView(): void {
    const pinned = this.persons.peek().find((one) => one.id === this.pinned.peek());
    // Where no page is told of pictures in pictures, one may be on the screen.
    const visible =
      document.visibilityState === "visible" || document.pictureInPictureElement !== null;
    const slots = viewOf(this.#heights, pinned?.cameraMid ?? null, visible, devicePixelRatio);
    if (this.session.peek().phase === "live") this.#socket.send({ type: "view", slots });
  }

  #peerFailed(peer: Peer): void {
    if (peer === this.#newest()?.peer && this.session.peek().phase === "live")
      this.#take({ type: "peer_failed" });
  }

  #sendTracks(): void {
    const { microphone, camera } = this.media;
    const tracks = [microphone.track.value, camera.track.value, this.screen.value] as const;
    for (const peer of [this.#joining, this.#next?.peer, this.#stage.value?.peer]) {
      void peer?.setTrack("microphone", tracks[0]);
      void peer?.setTrack("camera", tracks[1]);
      void peer?.setTrack("screen", tracks[2]);
    }
  }

  #sayMedia(): void {
    const audio = this.media.microphone.state.value === "on" && !this.media.muted.value;
    const video = this.media.camera.state.value === "on";
    const screen = this.screen.value !== null;
    if (this.session.peek().phase === "live") {
      this.#socket.send({ type: "media", audio, video, screen });
    }
    if (audio) this.mutedBy.value = null;
  }
}
