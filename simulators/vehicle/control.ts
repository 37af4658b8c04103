import type { NatsConnection } from "@nats-io/transport-node";
import { driveSubjects, type DriveStatus, type Plan } from "./drive-messages.ts";

const writeWithinMs = 2_000;
/** The setpoint's writer must be heard of every two seconds (its heartbeat). */
const repeatMs = 1_000;

export interface ControlOptions {
  /** Of the guarded write, such as `cmd.fleet.car-1.drive-unit.speed.setpoint`. */
  readonly setpoint: string;
  /** Steady, in ms. */
  readonly now: () => number;
}

/**
 * The node that acts: answers each plan at once, and has the setpoint written where it changed or has not been for a second.
 * One write at a time: the next one carries the newest setpoint.
 */
export class Control {
  readonly #nats: NatsConnection;
  readonly #options: ControlOptions;
  #written: DriveStatus["written"] = null;
  #asked: { readonly setpoint: number; readonly at: number } | undefined;
  #writing = false;

  constructor(nats: NatsConnection, options: ControlOptions) {
    this.#nats = nats;
    this.#options = options;
  }

  /** What became of the last write. */
  get written(): DriveStatus["written"] {
    return this.#written;
  }

  /** Resolves when it hears what planning says. */
  async start(): Promise<void> {
    this.#nats.subscribe(driveSubjects.plan, {
      callback: (error, message) => {
        if (error === null) this.#follow(message.json<Plan>());
      },
    });
    await this.#nats.flush();
  }

  #follow({ frame, setpoint }: Plan): void {
    const status: DriveStatus = { frame, setpoint, written: this.#written };
    this.#nats.publish(driveSubjects.status, JSON.stringify(status));
    const now = this.#options.now();
    const isOld = this.#asked === undefined || now - this.#asked.at >= repeatMs;
    if (this.#writing || (!isOld && setpoint === this.#asked?.setpoint)) return;
    this.#asked = { setpoint, at: now };
    void this.#write(setpoint);
  }

  async #write(value: number): Promise<void> {
    this.#writing = true;
    try {
      const request = JSON.stringify({ value, by: "control", why: "plan" });
      const reply = await this.#nats.request(this.#options.setpoint, request, { timeout: writeWithinMs });
      const { ok, message } = reply.json<{ ok: boolean; message?: string }>();
      this.#written = message === undefined ? { ok } : { ok, message };
    } catch (caught) {
      this.#written = { ok: false, message: caught instanceof Error ? caught.message : String(caught) };
    } finally {
      this.#writing = false;
    }
  }
}
