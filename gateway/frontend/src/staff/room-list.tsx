/** The clinic's rooms: who is in each, and who knocks. */

import { t } from "../shared/i18n";
import { Guests } from "./guests";
import type { Queue } from "./queue";
import { Link } from "./router";
import { dashboardPath } from "./routes";
import type { Occupancy, Room, StaffClinic } from "./types";

interface Props {
  readonly clinic: StaffClinic;
  readonly queue: Queue | null;
}

export function RoomList({ clinic, queue }: Props) {
  const rooms = clinic.rooms.filter((room) => room.kind === "meeting" || room.mine);
  if (rooms.length === 0) return null;
  return (
    <section aria-labelledby="rooms-heading">
      <h2 id="rooms-heading">{t("rooms-title")}</h2>
      <ul class="cards">
        {rooms.map((room) => (
          <li
            key={`${room.kind}/${room.name}`}
            class="card"
            data-testid="room"
            data-room={room.name}
          >
            <h3>
              <bdi>{room.display_name}</bdi>
            </h3>
            <p class="hint">
              {t(`room-${room.kind}`)} ·{" "}
              <span data-testid="room-occupancy">
                {t("room-occupancy", {
                  count: inside(queue, room)?.participants ?? 0,
                  max: room.max_participants,
                })}
              </span>
              {room.locked && <span class="badge">{t("room-locked")}</span>}
            </p>
            <Names names={inside(queue, room)?.names ?? []} />
            <Link
              to={`${dashboardPath(clinic.namespace, clinic.name)}/${room.kind}/${room.name}`}
              class="button quiet"
              testid="enter-room"
            >
              {t("room-enter")}
            </Link>
            <Guests
              clinic={clinic}
              guests={queue?.guests ?? []}
              place={room.kind}
              name={room.name}
              placeId={room.uid}
              mine={room.mine}
            />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** Guests of the consultations that run: who knocks there may have to wait for somebody who looks here. */
export function ConsultationGuests({ clinic, queue }: Props) {
  const guests = queue?.guests.filter((one) => one.place === "visit") ?? [];
  const places = new Set(guests.map((one) => one.place_id));
  const visits = queue?.visits.filter((one) => places.has(one.visit)) ?? [];
  if (visits.length === 0) return null;
  return (
    <section aria-labelledby="guests-heading" data-testid="consultation-guests">
      <h2 id="guests-heading">{t("guests-title")}</h2>
      <ul class="cards">
        {visits.map((entry) => (
          <li key={entry.visit} class="card" data-visit={entry.visit}>
            <h3>
              <bdi>{entry.name}</bdi>
            </h3>
            <Guests
              clinic={clinic}
              guests={guests}
              place="visit"
              name={entry.visit}
              placeId={entry.visit}
              mine={false}
            />
          </li>
        ))}
      </ul>
    </section>
  );
}

function inside(queue: Queue | null, room: Room): Occupancy | undefined {
  return queue?.rooms.get(room.uid);
}

function Names({ names }: { readonly names: readonly string[] }) {
  if (names.length === 0) return null;
  return (
    <ul class="names" aria-label={t("room-names")} data-testid="room-names">
      {names.map((name, number) => (
        <li key={`${number}/${name}`}>
          <bdi>{name}</bdi>
        </li>
      ))}
    </ul>
  );
}
