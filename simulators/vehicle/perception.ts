import type { NatsConnection } from "@nats-io/transport-node";
import { driveSubjects, type DriveStatus, type ObjectsSeen } from "./drive-messages.ts";

/** How many frames may be on their way before the oldest counts as lost. */
const mostOpen = 64;

/** The node that looks: publishes what it sees, and measures how long a frame takes to come round. */
export class Perception {
  readonly #nats: NatsConnection;
  readonly #now: () => number;
  readonly #onRound: (ms: number) => void;
  readonly #sent = new Map<number, number>();
  #frame = 0;

  /** @param now steady, in ms with fractions */
  constructor(nats: NatsConnection, now: () => number, onRound: (ms: number) => void) {
    this.#nats = nats;
    this.#now = now;
    this.#onRound = onRound;
  }

  /** Resolves when it hears what comes round. */
  async start(): Promise<void> {
    this.#nats.subscribe(driveSubjects.status, {
      callback: (error, message) => {
        if (error === null) this.#cameRound(message.json<DriveStatus>());
      },
    });
    await this.#nats.flush();
  }

  /** One frame: an obstacle comes nearer and goes away again, once in 200 frames. */
  look(): void {
    this.#frame += 1;
    const distance = 40 + 35 * Math.cos((2 * Math.PI * this.#frame) / 200);
    const closing = 2 * Math.sin((2 * Math.PI * this.#frame) / 200);
    const seen: ObjectsSeen = { frame: this.#frame, objects: [{ distance, closing }] };
    this.#sent.set(this.#frame, this.#now());
    this.#sent.delete(this.#frame - mostOpen);
    this.#nats.publish(driveSubjects.objects, JSON.stringify(seen));
  }

  #cameRound({ frame }: DriveStatus): void {
    const sent = this.#sent.get(frame);
    if (sent === undefined) return;
    this.#sent.delete(frame);
    this.#onRound(this.#now() - sent);
  }
}
