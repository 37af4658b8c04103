import type { Clock } from "../../adapter-kit/clock.ts";
import { formatDuration, type Duration } from "../../domain/duration.ts";
import { GatewayError, toGatewayError } from "../../domain/errors.ts";
import { encodeTagValue, type Sample, type TagValue } from "../../domain/reading.ts";
import type { Normaliser } from "../../normalise/normaliser.ts";
import type { TagState } from "../../normalise/tag-state.ts";
import type { Supervisor } from "../../supervisor/supervisor.ts";
import { checkChange, type ChangeHistory, type RateBudget } from "./change-limits.ts";
import type { Confirmations } from "./confirmations.ts";
import { DeviceTurns, untilAborted } from "./device-turns.ts";
import { guardWrite, isConfirmed } from "./guard.ts";
import type { Heartbeats } from "./heartbeats.ts";
import { checkPermissives, type PermissiveReading } from "./permissives.ts";
import { reasonOf, refuse } from "./refusal.ts";
import { UnderWay } from "./under-way.ts";
import { mayBeWritten, stageAfter, writerOf, type Asked, type Attempt } from "./write-attempt.ts";
import { WriteTime } from "./write-time.ts";

/** A running device, as far as writing to it goes. */
export interface WritableDevice {
  readonly supervisor: Pick<Supervisor, "write" | "mayWrite" | "read">;
  readonly normaliser: Normaliser;
}

export interface WriterOptions {
  /** Every write is settled within this time. */
  readonly deadline: Duration;
  /** For how long a confirmation is waited for. */
  readonly confirmWithin: Duration;
  readonly clock: Clock;
  readonly confirmations: Confirmations;
  readonly heartbeats: Pick<Heartbeats, "arm" | "settle">;
  find(device: string): WritableDevice | undefined;
}

/** A write that is begun: all that its steps need. */
interface Flight {
  readonly attempt: Attempt;
  readonly asked: Asked;
  readonly device: WritableDevice;
  readonly tag: TagState;
  /** As the device holds it. */
  readonly raw: TagValue;
  readonly signal: AbortSignal;
}

/**
 * One write from its checks to its read back. What only hangs on the request is checked at once; what hangs on the state of
 * the line (permissives, steps, rates, expiry) is checked when its turn has come, just before it goes out.
 */
export class GuardedWriter {
  readonly #options: WriterOptions;
  readonly #turns = new DeviceTurns();
  readonly #histories = new WeakMap<TagState, ChangeHistory>();
  readonly #underWay = new UnderWay();

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Resolves with the value read back, undefined where the device can't be asked, or nothing was to be written. */
  async write(attempt: Attempt, asked: Asked): Promise<TagValue | null | undefined> {
    attempt.value = asked.value;
    attempt.dryRun = asked.dryRun;
    const { device, tag } = this.#find(attempt.name);
    attempt.before = tag.published?.value;
    const raw = guardWrite(asked.value, tag.mapping, attempt.name);
    const own = attempt.origin.via === "service" || attempt.origin.via === "gateway";
    // A fail-safe value is one a tag, and always has its place.
    const settled =
      asked.failSafe === undefined ? this.#underWay.begin(attempt.name, own ? "own" : "others") : undefined;
    const { deadline } = this.#options;
    const time = new WriteTime(deadline, own ? 2 : 1);
    const { signal } = time;
    try {
      const flight = { attempt, asked, device, tag, raw, signal };
      const turn = this.#turns.take(device, signal, () => {
        time.begin();
        return this.#fly(flight);
      });
      return await untilAborted(turn, signal);
    } catch (caught) {
      if (!signal.aborted) throw caught;
      throw new GatewayError(
        "DEVICE_TIMEOUT",
        `${attempt.name}: not confirmed within ${formatDuration(deadline)}. ${mayBeWritten(attempt)}`,
        { cause: caught },
      );
    } finally {
      time.stop();
      settled?.();
    }
  }

  async #fly(flight: Flight): Promise<TagValue | null | undefined> {
    const { attempt, asked, tag } = flight;
    attempt.before = tag.published?.value;
    attempt.onFailure = tag.mapping.write?.onFailure ?? "alert";
    const budget = this.#checkNow(flight);
    if (asked.dryRun === true) return this.#checkDevice(flight);
    const { heartbeat } = tag.mapping.write ?? {};
    const watched = asked.failSafe === undefined ? heartbeat : undefined;
    if (watched !== undefined) await this.#options.heartbeats.arm(attempt.name, writerOf(attempt));
    let confirmed = false;
    try {
      // It may have been answered while the disk took its time.
      flight.signal.throwIfAborted();
      const readBack = await this.#writeTillConfirmed(flight);
      confirmed = true;
      return readBack;
    } finally {
      const reached = attempt.stage !== "not sent";
      if (watched !== undefined) {
        const value = confirmed ? asked.value : undefined;
        this.#options.heartbeats.settle(attempt.name, watched, reached, value);
      }
      if (reached) this.#remember(flight, budget, confirmed);
    }
  }

  /** What may have changed while the write waited for its turn. Gives what is left of the tag's rate. */
  #checkNow(flight: Flight): RateBudget | undefined {
    const { attempt, asked, tag } = flight;
    const { name } = attempt;
    const { clock } = this.#options;
    if (asked.failSafe !== undefined) {
      if (!asked.failSafe.isDue()) refuse("expired", name, "its writer wrote again meanwhile");
      return undefined;
    }
    this.#checkExpiry(flight);
    this.#checkPermissives(flight);
    const history = this.#histories.get(tag) ?? {};
    const budget = checkChange(asked.value, tag, history, clock.monotonic(), name);
    this.#checkConfirmation(flight);
    return budget;
  }

  /** For a dry run: what the write would have met at the device, as far as it is known without one. */
  #checkDevice({ attempt, device }: Flight): undefined {
    try {
      device.supervisor.mayWrite();
    } catch (caught) {
      const error = toGatewayError(caught);
      throw failed(attempt, error, `${error.message} ${mayBeWritten(attempt)}`);
    }
  }

  #checkExpiry({ attempt, asked }: Flight): void {
    const { notAfter } = asked;
    if (notAfter === undefined || this.#options.clock.monotonic() <= notAfter) return;
    refuse("expired", attempt.name, "the order had expired. Nothing was written");
  }

  #checkPermissives({ attempt, asked, tag }: Flight): void {
    const { requires } = tag.mapping.write ?? {};
    if (requires === undefined || asked.failSafe !== undefined) return;
    checkPermissives(requires, (permissive) => this.#lastReading(permissive), attempt.name);
  }

  #lastReading(name: string): PermissiveReading | undefined {
    const slash = name.indexOf("/");
    const tag = this.#options.find(name.slice(0, slash))?.normaliser.tag(name.slice(slash + 1));
    if (tag?.published === undefined) return undefined;
    const { stale } = tag.mapping;
    // The sweep that marks a tag stale comes a few times a second: a write does not wait for it.
    const age = this.#options.clock.monotonic() - tag.sampledAt;
    if (stale !== undefined && age > stale) return { value: null, quality: "bad", status: "Stale" };
    return tag.published;
  }

  /** People's writes only: what the gateway's own services write was confirmed by being configured. */
  #checkConfirmation({ attempt, asked, tag }: Flight): void {
    const { origin, name } = attempt;
    const { confirmations, clock, confirmWithin } = this.#options;
    if (tag.mapping.write?.confirm !== true || asked.dryRun === true) return;
    if (origin.via === "service" || origin.via === "gateway") return;
    const write = {
      tag: name,
      value: encodeTagValue(asked.value),
      writer: `${origin.via} ${writerOf(attempt)}`,
    };
    if (asked.confirm !== undefined) {
      const problem = confirmations.problemOf(asked.confirm, write, clock.monotonic());
      if (problem !== undefined) refuse("confirmation", name, `${problem}. Nothing was written`);
      confirmations.use(asked.confirm);
      return;
    }
    const token = confirmations.ask(write, clock.monotonic());
    throw new GatewayError(
      "WRITE_REFUSED",
      `${name}: to write ${write.value}, send the same request again within ${formatDuration(confirmWithin)} with this reply's \`confirm\`.`,
      { context: { reason: "confirmation", confirm: token } },
    );
  }

  async #writeTillConfirmed(flight: Flight): Promise<TagValue | null | undefined> {
    const { attempt, tag, signal } = flight;
    const { onFailure, answers } = tag.mapping.write ?? {};
    try {
      return this.#confirm(flight, await this.#writeAndRead(flight));
    } catch (caught) {
      const again =
        onFailure === "retry-once" && answers !== true && reasonOf(toGatewayError(caught)) === readBackReason;
      if (!again || signal.aborted || !this.#mayRetry(flight)) throw caught;
    }
    attempt.retried = true;
    return this.#confirm(flight, await this.#writeAndRead(flight));
  }

  /** Between the two writes the line may have changed. */
  #mayRetry(flight: Flight): boolean {
    try {
      this.#checkExpiry(flight);
      this.#checkPermissives(flight);
      return true;
    } catch {
      return false;
    }
  }

  async #writeAndRead({ attempt, device, tag, raw, signal }: Flight): Promise<readonly Sample[] | undefined> {
    attempt.stage = attempt.retried === true ? "written" : "sent";
    try {
      await device.supervisor.write([{ tag: tag.name, value: raw }], signal);
    } catch (caught) {
      const error = toGatewayError(caught);
      if (attempt.retried !== true) attempt.stage = stageAfter(error);
      throw failed(attempt, error, `${error.message} ${mayBeWritten(attempt)}`);
    }
    attempt.stage = "written";
    try {
      return await device.supervisor.read([tag.name], signal);
    } catch (caught) {
      const error = toGatewayError(caught);
      throw failed(attempt, error, `${mayBeWritten(attempt)} ${error.message}`);
    }
  }

  /** The value read back where it is the one written; undefined where the device can't be asked. */
  #confirm(
    { attempt, asked, tag, raw }: Flight,
    samples: readonly Sample[] | undefined,
  ): TagValue | null | undefined {
    if (samples === undefined) return undefined;
    const [sample] = samples;
    const held = sample === undefined || sample.quality === "bad" ? null : sample.value;
    attempt.readBack = held === null ? null : tag.scale(held);
    if (held !== null && tag.mapping.write?.answers === true) return attempt.readBack;
    if (isConfirmed({ wanted: asked.value, raw, held, readBack: attempt.readBack }, tag.mapping))
      return attempt.readBack;
    const found =
      held === null
        ? `could not be read back (${sample?.status ?? "no answer"})`
        : `holds ${encodeTagValue(attempt.readBack)}`;
    const times = attempt.retried === true ? "the second write" : "the write";
    throw new GatewayError("DEVICE_REJECTED", `${attempt.name}: after ${times} the device ${found}.`, {
      context: { reason: readBackReason },
    });
  }

  /** What later steps and rates are reckoned from. */
  #remember({ attempt, asked, tag }: Flight, budget: RateBudget | undefined, confirmed: boolean): void {
    const { maxStep, rate } = tag.mapping.write ?? {};
    if (maxStep === undefined && rate === undefined) return;
    const value = confirmed ? Number(attempt.readBack ?? asked.value) : undefined;
    this.#histories.set(tag, { last: { value, at: this.#options.clock.monotonic() }, budget });
  }

  #find(name: string): { device: WritableDevice; tag: TagState } {
    const slash = name.indexOf("/");
    const deviceName = slash < 0 ? name : name.slice(0, slash);
    const context = { reason: "unknown-tag" };
    const device = this.#options.find(deviceName);
    if (device === undefined) {
      const message = `There is no device ${JSON.stringify(deviceName)} at this gateway.`;
      throw new GatewayError("WRITE_REFUSED", message, { context });
    }
    const tag = slash < 0 ? undefined : device.normaliser.tag(name.slice(slash + 1));
    if (tag !== undefined) return { device, tag };
    const message = `${deviceName} has no tag ${JSON.stringify(name.slice(deviceName.length + 1))}.`;
    throw new GatewayError("WRITE_REFUSED", message, { context });
  }
}

/** As the audit and the metrics name a read back that does not show what was written. */
const readBackReason = "read-back";

function failed({ name }: Attempt, cause: GatewayError, words: string): GatewayError {
  return new GatewayError(cause.code, `${name}: ${words}`, { cause });
}
