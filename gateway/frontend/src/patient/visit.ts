/** The patient's visit: the door, the waiting socket and the way out. */

import { signal } from "@preact/signals";
import { ApiError, request } from "../shared/http";
import { locale } from "../shared/i18n";
import { delayMs } from "../shared/reconnect";
import { ReconnectingSocket } from "../shared/socket";
import { advance, type Event, type Stage } from "./journey";
import { keep, kept, lose } from "./memory";
import { losePrefill, takePrefill } from "./prefill";
import type { Report } from "./report";
import type { ClientFrame, Clinic, Entry, ServerFrame, VisitFrame } from "./types";

const OVER: ReadonlySet<Stage> = new Set(["ended", "refused", "left"]);

export class Visit {
  readonly stage = signal<Stage>("loading");
  readonly clinic = signal<Clinic | null>(null);
  readonly latest = signal<VisitFrame | null>(null);
  /** The waiting socket is up and the service answers. */
  readonly connected = signal(false);
  #entry: Entry | null;
  #prefill: Entry | null;
  #report: Report | null = null;
  /** Number of the probe that was answered last. */
  readonly probed = signal(0);
  #socket: ReconnectingSocket<ServerFrame, ClientFrame> | null = null;
  /** Name of the clinic that the visit was transferred to, once it was. */
  readonly transferredTo = signal("");
  /** `namespace/clinic`, of the clinic that the visit is in. */
  #name: string;

  constructor(name: string) {
    this.#name = name;
    this.#entry = kept(name);
    this.#prefill = takePrefill(name);
  }

  get #api(): string {
    return `/api/clinics/${this.#name}`;
  }

  /** The call socket's path. */
  get callPath(): string {
    return `/ws/call/visit/${this.#name}`;
  }

  /** What was typed before, to fill the form with. */
  get entry(): Entry | null {
    return this.#entry;
  }

  /** What the clinic's link filled in. */
  get prefill(): Entry | null {
    return this.#prefill;
  }

  /** Ask what the door says; while the service is away, go on asking. */
  async load(attempt = 0): Promise<void> {
    try {
      const clinic = await request<Clinic>("GET", `${this.#api}?locale=${locale()}`);
      this.clinic.value = clinic;
      this.#handle({ type: "clinic", clinic, remembered: this.#entry !== null });
      if (this.stage.value === "waiting") this.#connect();
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
   * Enter the waiting area; a person with a place takes it again.
   *
   * @throws ApiError when the gateway refuses or does not answer.
   */
  async enter(entry: Entry, acceptedTerms: boolean): Promise<void> {
    if (!this.clinic.value?.visit) {
      const said = { ...entry, locale: locale(), accepted_terms: acceptedTerms };
      await request("POST", `${this.#api}/visits`, said);
    }
    this.#entry = entry;
    keep(this.#name, entry);
    losePrefill(this.#name);
    this.#prefill = null;
    this.#handle({ type: "entered" });
    this.#connect();
  }

  /** The door has changed under the person's hands. */
  async reload(): Promise<void> {
    this.stage.value = "loading";
    await this.load();
  }

  /** Take the place over from another tab. */
  takeOver(): void {
    this.stage.value = "waiting";
    this.#connect();
  }

  /** Tell the clinic's staff what this page found out about its device; told again after each reconnection. */
  report(report: Report): void {
    this.#report = report;
    if (this.connected.value) this.#tell(report);
  }

  /** By a request where there is no socket to say it. */
  #tell(report: Report): void {
    if (!this.say({ type: "report", ...report }))
      void request("POST", `${this.#api}/report`, report).catch(() => null);
  }

  /** Say something after the hello; false when there is no socket to say it. */
  say(frame: ClientFrame): boolean {
    return this.#socket?.send(frame) ?? false;
  }

  callOver(outcome: Extract<Event, { type: "call_over" }>["outcome"]): void {
    this.#handle({ type: "call_over", outcome });
  }

  goBack(): void {
    this.#handle({ type: "go_back" });
  }

  /** Give the place up. */
  async leave(): Promise<void> {
    this.say({ type: "leave" });
    this.#handle({ type: "left" });
    // The frame says it to the queue, the request takes the ticket's cookie away.
    await request("POST", `${this.#api}/leave`, {}).catch(() => null);
  }

  #connect(): void {
    this.#socket?.close();
    this.#socket = new ReconnectingSocket<ServerFrame, ClientFrame>(
      `/ws/visit/${this.#name}`,
      undefined,
      {
        opened: () => this.#greet(),
        frame: (frame) => this.#take(frame),
        lost: () => {
          this.connected.value = false;
        },
      },
      { path: `/stream/visit/${this.#name}`, body: () => this.#hello() ?? {} },
    );
  }

  #hello(): Extract<ClientFrame, { type: "hello" }> | null {
    if (this.#entry === null) return null;
    const state = this.latest.value?.state ?? null;
    return { type: "hello", ...this.#entry, locale: locale(), state };
  }

  #greet(): void {
    const hello = this.#hello();
    if (hello !== null) this.say(hello);
  }

  #take(frame: ServerFrame): void {
    switch (frame.type) {
      case "visit":
        if (!this.connected.value && this.#report !== null) this.#tell(this.#report);
        this.connected.value = true;
        this.latest.value = frame;
        this.#handle({ type: "visit", state: frame.state });
        break;
      case "wait":
        this.connected.value = false;
        break;
      case "probed":
        this.probed.value = frame.number;
        break;
      case "replaced":
        this.#handle({ type: "replaced" });
        break;
      case "transferred":
        this.connected.value = false;
        this.#handle({ type: "transferred" });
        if (this.stage.value === "waiting") void this.#follow(frame.display_name);
        break;
      case "unknown":
        this.#unknown();
        break;
      case "error":
        this.connected.value = false;
        break;
    }
  }

  /** Change the ticket for one of the clinic in which the visit is now, and wait there. */
  async #follow(to: string, attempt = 0): Promise<void> {
    try {
      const { clinic } = await request<{ readonly clinic: string }>(
        "POST",
        `${this.#api}/follow`,
        {},
      );
      lose(this.#name);
      this.#name = `${this.#name.split("/")[0]}/${clinic}`;
      if (this.#entry !== null) keep(this.#name, this.#entry);
      history.replaceState(null, "", `/c/${this.#name}${location.search}`);
      this.transferredTo.value = to;
      await this.load();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.isTemporary)
        setTimeout(() => void this.#follow(to, attempt + 1), delayMs(attempt, Math.random()));
      else this.#unknown();
    }
  }

  #unknown(): void {
    const clinic = this.clinic.value;
    if (clinic !== null) this.clinic.value = { ...clinic, visit: false };
    this.#handle({ type: "visit_unknown" });
    // The clinic may be gone with it, or its door shut by now.
    if (this.stage.value === "entry") void this.load();
  }

  #handle(event: Event): void {
    this.stage.value = advance(this.stage.value, event);
    // A call may end and the visit go on: only the visit's own end is the end of everything.
    if (event.type !== "call_over" && OVER.has(this.stage.value)) {
      lose(this.#name);
      this.#entry = null;
      this.#hangUp();
    }
    if (this.stage.value === "replaced") this.#hangUp();
  }

  #hangUp(): void {
    const socket = this.#socket;
    this.#socket = null;
    // Let a last frame out before the socket goes.
    setTimeout(() => socket?.close(), 300);
  }
}
