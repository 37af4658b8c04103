import type { NatsConnection } from "@nats-io/transport-node";
import { driveSubjects, type ObjectsSeen, type Plan } from "./drive-messages.ts";

const topSpeed = 80;
/** km/h for each m that is free ahead. */
const speedPerMetre = 1.5;

/** The node that decides how fast to go: a plan for each frame, from that frame alone. */
export class Planning {
  readonly #nats: NatsConnection;

  constructor(nats: NatsConnection) {
    this.#nats = nats;
  }

  /** Resolves when it hears what perception says. */
  async start(): Promise<void> {
    this.#nats.subscribe(driveSubjects.objects, {
      callback: (error, message) => {
        if (error !== null) return;
        this.#nats.publish(driveSubjects.plan, JSON.stringify(planFor(message.json<ObjectsSeen>())));
      },
    });
    await this.#nats.flush();
  }
}

/** In steps of 5 km/h, so that control writes when something changes and not for each frame. */
export function planFor({ frame, objects }: ObjectsSeen): Plan {
  const nearest = Math.min(...objects.map(({ distance, closing }) => distance - 2 * closing), Infinity);
  const setpoint = Math.min(topSpeed, Math.max(0, nearest * speedPerMetre));
  return { frame, setpoint: Math.floor(setpoint / 5) * 5 };
}
