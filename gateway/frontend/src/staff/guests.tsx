/** Guests of one place: who knocks, which links there are, and making a link. */

import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { request } from "../shared/http";
import { t } from "../shared/i18n";
import { Copy } from "./copy";
import "./guests.css";
import { refusal } from "./refusal";
import { dashboardPath } from "./routes";
import type { GuestEntry, GuestPlace, StaffClinic } from "./types";

interface GuestsProps {
  readonly clinic: StaffClinic;
  readonly guests: readonly GuestEntry[];
  readonly place: GuestPlace;
  /** Of the room, or the visit. */
  readonly name: string;
  readonly placeId: string;
  /** Whether it is a user room of one's own, where everything is its owner's. */
  readonly mine: boolean;
}

const NEEDS = {
  invite: "invite",
  admit: "admit_guest",
  refuse: "refuse_guest",
  revoke: "revoke_link",
};

export function Guests({ clinic, guests, place, name, placeId, mine }: GuestsProps) {
  const notice = useSignal("");
  const inviting = useSignal(false);
  const home = `/api${dashboardPath(clinic.namespace, clinic.name)}/guests`;
  const may = (what: keyof typeof NEEDS) =>
    place === "user" ? mine : clinic.may.includes(NEEDS[what]);
  const act = async (what: string, guest: GuestEntry) => {
    notice.value = "";
    try {
      await request("POST", `${home}/${guest.guest}/${what}`, {});
    } catch (error) {
      notice.value = refusal(error, guest);
    }
  };
  const here = guests.filter((one) => one.place === place && one.place_id === placeId);
  const knocking = here.filter((one) => one.state === "knocking");
  const others = here.filter((one) => one.state !== "knocking");
  const button = (what: "admit" | "refuse" | "revoke", guest: GuestEntry, quiet: boolean) =>
    may(what) && (
      <button
        type="button"
        class={quiet ? "quiet" : undefined}
        data-testid={`guest-${what}`}
        aria-label={t(`guest-${what}-named`, { name: guest.name || guest.label })}
        onClick={() => void act(what, guest)}
      >
        {t(`guest-${what}`)}
      </button>
    );
  return (
    <div class="guests" data-testid="guests">
      {notice.value !== "" && <p role="alert">{notice.value}</p>}
      <ul role="status" aria-label={t("guests-knocking")}>
        {knocking.map((one) => (
          <li key={one.guest} data-testid="guest-knocks" data-connected={one.connected}>
            <span>
              <bdi>{one.name}</bdi> {t(one.connected ? "guest-knocks" : "guest-away")}{" "}
              <Label guest={one} />
            </span>
            {button("admit", one, false)}
            {button("refuse", one, true)}
          </li>
        ))}
      </ul>
      {others.length > 0 && (
        <details>
          <summary>{t("guest-links", { count: others.length })}</summary>
          <ul>
            {others.map((one) => (
              <li key={one.guest} data-testid="guest-link" data-state={one.state}>
                <span>
                  {one.name !== "" && <bdi>{one.name}</bdi>} {t(`guest-state-${one.state}`)}{" "}
                  <Label guest={one} />
                </span>
                {button("revoke", one, true)}
              </li>
            ))}
          </ul>
        </details>
      )}
      {may("invite") && (
        <button
          type="button"
          class="quiet"
          data-testid="invite"
          aria-expanded={inviting.value}
          onClick={() => {
            inviting.value = !inviting.value;
          }}
        >
          {t("guest-invite")}
        </button>
      )}
      {inviting.value && <Inviter home={home} place={place} name={name} />}
    </div>
  );
}

function Label({ guest }: { readonly guest: GuestEntry }) {
  const until = new Date(guest.expires_at).toLocaleString(undefined, {
    dateStyle: "short",
    timeStyle: "short",
  });
  return (
    <span class="hint">
      {guest.label !== "" && <bdi>{guest.label} </bdi>}
      {t("guest-made-by", { name: guest.made_by_name, until })}
    </span>
  );
}

const LIFETIMES_MINUTES = [60, 120, 480, 1440, 10_080] as const;
const MAX_LABEL = 80;

interface InviterProps {
  readonly home: string;
  readonly place: GuestPlace;
  readonly name: string;
}

/** The link is shown once, here: nobody can look it up again. */
function Inviter({ home, place, name }: InviterProps) {
  const label = useSignal("");
  const minutes = useSignal<number>(120);
  const url = useSignal("");
  const notice = useSignal("");
  const id = useId();
  const make = async () => {
    notice.value = "";
    try {
      const body = { place, name, label: label.value, minutes: minutes.value };
      url.value = (await request<{ readonly url: string }>("POST", home, body)).url;
    } catch (error) {
      notice.value = refusal(error);
    }
  };
  if (url.value !== "") {
    return (
      <div class="field">
        <label for={id}>{t("guest-link-once")}</label>
        <div class="row">
          <input
            id={id}
            type="text"
            readOnly
            dir="ltr"
            value={url.value}
            data-testid="guest-url"
          />
          <Copy text={url.value} testid="copy-guest-url" />
        </div>
      </div>
    );
  }
  return (
    <form
      class="writer"
      data-testid="inviter"
      onSubmit={(event) => {
        event.preventDefault();
        void make();
      }}
    >
      {notice.value !== "" && <p role="alert">{notice.value}</p>}
      <label>
        {t("guest-label")}
        <input
          type="text"
          dir="auto"
          maxLength={MAX_LABEL}
          value={label.value}
          onInput={(event) => {
            label.value = event.currentTarget.value;
          }}
        />
      </label>
      <label>
        {t("guest-good-for")}
        <select
          value={minutes.value}
          onChange={(event) => {
            minutes.value = Number(event.currentTarget.value);
          }}
        >
          {LIFETIMES_MINUTES.map((one) => (
            <option key={one} value={one}>
              {t("guest-hours", { hours: one / 60 })}
            </option>
          ))}
        </select>
      </label>
      <div class="row">
        <button type="submit" data-testid="make-link">
          {t("guest-make-link")}
        </button>
      </div>
    </form>
  );
}
