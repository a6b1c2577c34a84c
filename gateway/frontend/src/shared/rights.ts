/** What a person may do to others in a call. */
export interface Rights {
  readonly hold: boolean;
  readonly mute: boolean;
  readonly lock: boolean;
  readonly remove: boolean;
  readonly endForAll: boolean;
}

/** What a patient or a guest may do to others: nothing. */
export const NO_RIGHTS: Rights = {
  hold: false,
  mute: false,
  lock: false,
  remove: false,
  endForAll: false,
};
