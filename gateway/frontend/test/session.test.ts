/** A call comes back by itself: what is resumed, what is joined anew, and what is over. */

import { expect, test } from "vitest";
import type { ServerFrame } from "../src/call/frames";
import { type Event, NEW_SESSION, type Order, type Session, step } from "../src/call/session";

const STATE = { you: "me", participants: [], slots: [], encodings: ["f"] };
const JOINED: ServerFrame = { type: "joined", answer: "sdp", ...STATE };
const RESUMED: ServerFrame = { type: "resumed", ...STATE };
const LOST: Event = { type: "socket_lost" };

function ready(epoch: number, resumable = true): ServerFrame {
  return { type: "ready", resumable, call: "c", epoch, media_node: `node-${epoch}` };
}

function error(code: string, fatal = true): ServerFrame {
  return { type: "error", code, fatal };
}

/** Play events; gives the last state and all orders. */
function play(...events: readonly (ServerFrame | Event)[]): [Session, Order["type"][]] {
  let session = NEW_SESSION;
  const orders: Order["type"][] = [];
  for (const event of events) {
    const isOwn =
      event.type === "socket_lost" ||
      event.type === "peer_failed" ||
      event.type === "network_changed" ||
      event.type === "socket_stopped";
    const [next, given] = step(
      session,
      isOwn ? (event as Event) : { type: "frame", frame: event as ServerFrame },
    );
    session = next;
    orders.push(...given.map((order) => order.type));
  }
  return [session, orders];
}

test("the first ready joins, the answer makes the call live", () => {
  const [session, orders] = play({ type: "wait", reason: "no_capacity" }, ready(1, false), JOINED);

  expect(orders).toEqual(["join", "accept"]);
  expect(session).toMatchObject({
    phase: "live",
    epoch: 1,
    mediaNode: "node-1",
    hasPeer: true,
    waiting: null,
  });
});

test("a lost socket resumes the peer that still lives", () => {
  const [session, orders] = play(ready(1), JOINED, LOST, ready(1), RESUMED);

  expect(orders).toEqual(["join", "accept", "resume", "restore"]);
  expect(session.phase).toBe("live");
});

test("a peer that the media node has forgotten is joined anew", () => {
  expect(play(ready(1), JOINED, LOST, ready(1, false))[1]).toEqual(["join", "accept", "join"]);
  expect(play(ready(1), JOINED, LOST, ready(1), error("nothing_to_resume", false))[1]).toEqual([
    "join",
    "accept",
    "resume",
    "join",
  ]);
  expect(
    play(ready(1), JOINED, LOST, ready(1), error("nothing_to_resume"), LOST, ready(1))[1],
  ).toEqual(["join", "accept", "resume", "join"]);
});

test("a call that moves is joined on its new media node and keeps its pictures meanwhile", () => {
  const [session, orders] = play(ready(1), JOINED, { type: "move" }, ready(2), JOINED);

  expect(orders).toEqual(["join", "accept", "join", "accept"]);
  expect(session).toMatchObject({ phase: "live", epoch: 2, mediaNode: "node-2" });
});

test("a join whose answer never came is sent again", () => {
  expect(play(ready(1), LOST, ready(1))[1]).toEqual(["join", "join"]);
});

test("a peer connection that fails is replaced over a new socket", () => {
  const [session, orders] = play(
    ready(1),
    JOINED,
    { type: "peer_failed" },
    LOST,
    ready(1),
    JOINED,
  );

  expect(orders).toEqual(["join", "accept", "recycle", "join", "accept"]);
  expect(session.phase).toBe("live");
});

const CHANGED: Event = { type: "network_changed" };
const RESTARTED: ServerFrame = { type: "restarted", answer: "sdp" };

test("a changed network restarts the peer connection that there is", () => {
  const [session, orders] = play(ready(1), JOINED, CHANGED, RESTARTED);

  expect(orders.slice(2)).toEqual(["restart", "accept_restart"]);
  expect(session).toMatchObject({ phase: "live", hasPeer: true, restartDue: false });
  expect(play(ready(1), CHANGED)[1]).toEqual(["join"]);
});

test("a restart that went down with the socket is made again over the next one", () => {
  const [, orders] = play(ready(1), JOINED, CHANGED, LOST, CHANGED, ready(1), RESUMED, RESTARTED);

  expect(orders.slice(2)).toEqual(["restart", "resume", "restore", "restart", "accept_restart"]);
  expect(play(ready(1), JOINED, LOST, ready(1), RESUMED)[1].at(-1)).toBe("restore");
});

test("a peer connection that cannot be restarted is replaced over a new socket", () => {
  const refused = error("cannot_restart", false);
  const [session, orders] = play(ready(1), JOINED, CHANGED, refused, LOST, ready(1), JOINED);

  expect(orders.slice(2)).toEqual(["restart", "recycle", "join", "accept"]);
  expect(session).toMatchObject({ phase: "live", restartDue: false });
});

test("the call says how many it may have, and of old it was six", () => {
  expect(play(ready(1))[0].maxParticipants).toBe(6);
  const large: ServerFrame = { ...ready(1), type: "ready", max_participants: 20 } as ServerFrame;
  expect(play(large)[0].maxParticipants).toBe(20);
});

test.each(["left", "ended", "removed", "replaced"] as const)("closed %s is the end", (reason) => {
  const [session, orders] = play(ready(1), JOINED, { type: "closed", reason });

  expect(session).toMatchObject({ phase: "over", outcome: reason });
  expect(orders.at(-1)).toBe("finish");
});

test.each(["moved", "shutdown", "gone"] as const)("closed %s asks again", (reason) => {
  const [session, orders] = play(ready(1), JOINED, { type: "closed", reason }, LOST, ready(1));

  expect(session.outcome).toBeNull();
  expect(orders.slice(2)).toEqual(["recycle", "join"]);
});

test.each([
  ["call_full", "full"],
  ["call_locked", "locked"],
  ["not_found", "not_found"],
  ["bad_offer", "failed"],
])("the refusal %s is the end: %s", (code, outcome) => {
  expect(play(ready(1), error(code))[0]).toMatchObject({ phase: "over", outcome });
});

test.each(["ticket_refused", "stale_placement", "out_of_order", "no_capacity"])(
  "the fatal refusal %s leads to a fresh join",
  (code) => {
    const [session, orders] = play(ready(1), JOINED, error(code), LOST, ready(1));

    expect(session.outcome).toBeNull();
    expect(orders.at(-1)).toBe("join");
  },
);

test("a refused wish is told and changes nothing else, until the next frame", () => {
  const [session] = play(ready(1), JOINED, error("not_permitted", false));
  expect(session).toMatchObject({ phase: "live", notice: "not_permitted", hasPeer: true });

  const [later] = play(ready(1), JOINED, error("not_permitted", false), {
    type: "slots",
    slots: [],
  });
  expect(later.notice).toBeNull();
  expect(play(ready(1), JOINED, error("too_fast", false))[0]).toMatchObject({
    phase: "live",
    notice: "too_fast",
  });
  expect(play(ready(1), JOINED, error("bad_frame", false))[0].notice).toBeNull();
});

test("nothing happens after the end", () => {
  const over = play(ready(1), JOINED, { type: "closed", reason: "ended" })[0];

  expect(step(over, { type: "frame", frame: ready(2) })).toEqual([over, []]);
});

test("a door that is shut for good ends the call", () => {
  expect(play({ type: "socket_stopped", code: 4004 })[0].outcome).toBe("not_found");
  expect(play(ready(1), JOINED, { type: "socket_stopped", code: 1000 })[0].outcome).toBe("ended");
});

test("state frames are shown as they come", () => {
  const frames: ServerFrame[] = [
    { type: "participants", participants: [] },
    { type: "slots", slots: [] },
    { type: "encodings", active: ["h"] },
  ];
  expect(play(ready(1), JOINED, ...frames)[1].slice(2)).toEqual(["show", "show", "show"]);
});
