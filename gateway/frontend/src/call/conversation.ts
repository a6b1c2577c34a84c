/** What is said in writing, as a page shows it: nothing twice, whatever is told again after a reconnection. */

import type { Said } from "./frames";

export interface Line {
  readonly key: string;
  readonly participant: string;
  readonly name: string;
  readonly text: string;
}

export interface Conversation {
  /** Placement epoch in which `last` counts: a call that was placed anew numbers from one. */
  readonly epoch: number | null;
  readonly last: number;
  readonly lines: readonly Line[];
}

export const SILENCE: Conversation = { epoch: null, last: 0, lines: [] };

/** Lines kept on the page; a media node keeps fewer. */
const KEPT = 500;

/** Take in a message; the same conversation when it is known already. */
export function hear(
  conversation: Conversation,
  said: Said,
  epoch: number | null,
  name: string,
): Conversation {
  const last = conversation.epoch === epoch ? conversation.last : 0;
  if (said.number <= last) return conversation;
  const { participant, text, number } = said;
  const line = { key: `${epoch}/${number}`, participant, name, text };
  return { epoch, last: number, lines: [...conversation.lines, line].slice(-KEPT) };
}
