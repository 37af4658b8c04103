import { GatewayError, type Clock, type TagWrite } from "../../src/adapter-kit/index.ts";
import type { BusMember, Exchange, ModbusBus } from "./bus.ts";
import type { ModbusDevice } from "./mapping.ts";
import { nameOf } from "./messages.ts";
import { exceptionName, leavesOpen, type ModbusRequest, type Outcome } from "./request.ts";
import { planWrites, type WriteStep } from "./write-plan.ts";

const unknownEnd = "it may or may not have been carried out. Read the tag before writing again.";

export interface WriterOptions {
  readonly device: ModbusDevice;
  readonly bus: ModbusBus;
  readonly member: BusMember;
  readonly clock: Clock;
}

/** Writes values to one unit, ahead of all polls; each step has the bus for itself until it is done. */
export class Writer {
  readonly #options: WriterOptions;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** In the order given; stops at the first that fails. Rejects as `Adapter.write` says. */
  async write(writes: readonly TagWrite[], signal: AbortSignal): Promise<void> {
    const { device, bus, member, clock } = this.#options;
    for (const step of planWrites(device, writes)) {
      await bus.submit({
        member,
        rank: 0,
        deadline: clock.monotonic(),
        signal,
        work: (exchange) => this.#carryOut(step, exchange),
      });
    }
  }

  async #carryOut(step: WriteStep, exchange: Exchange): Promise<void> {
    const unit = this.#options.member.connection.unitId;
    const { bits, single } = this.#options.device.options.writes;
    if (step.kind !== "bits") {
      this.#demand(step, await exchange(writeRequest(step, unit, single === "multiple")));
    } else if (bits === "mask-write") {
      // §6.16: bits that the AND mask keeps stay, the others come from the OR mask.
      const andMask = ~step.mask & 0xffff;
      const { address } = step;
      this.#demand(step, await exchange({ functionCode: 22, unit, address, andMask, orMask: step.bits }));
    } else await this.#modify(step, unit, single === "multiple", exchange);
  }

  /** Nobody else's request comes between the read and the write; the device's own program still may. */
  async #modify(
    step: WriteStep & { readonly kind: "bits" },
    unit: number,
    multiple: boolean,
    exchange: Exchange,
  ): Promise<void> {
    const { tags, address } = step;
    const outcome = await exchange({ functionCode: 3, unit, address, quantity: 1 });
    const registers = Buffer.from(this.#demand(step, outcome));
    registers.writeUInt16BE((registers.readUInt16BE(0) & ~step.mask & 0xffff) | step.bits);
    const whole: WriteStep = { kind: "registers", tags, address, registers };
    this.#demand(step, await exchange(writeRequest(whole, unit, multiple)));
  }

  /** The answer's data, or what keeps the write from being done. */
  #demand(step: WriteStep, outcome: Outcome): Buffer {
    const { member } = this.#options;
    const tags = step.tags.join(", ");
    const context = { tags: step.tags, address: step.address, unit: member.connection.unitId };
    switch (outcome.kind) {
      case "data":
        return outcome.bytes;
      case "exception": {
        const exception = exceptionName(outcome.code);
        if (leavesOpen(outcome.code))
          throw new GatewayError(
            "DEVICE_TIMEOUT",
            `${nameOf(member)} answers the write of ${tags} with ${exception}: ${unknownEnd}`,
            { context: { ...context, exception } },
          );
        throw new GatewayError(
          "DEVICE_REJECTED",
          `${nameOf(member)} refuses the write of ${tags}: ${exception}. ` +
            "Check the address, whether it may be written, and the device's operating mode.",
          { context: { ...context, exception } },
        );
      }
      case "timeout":
      case "garbled":
        throw new GatewayError(
          "DEVICE_TIMEOUT",
          `No ${outcome.kind === "timeout" ? "answer" : "clear answer"} from ${nameOf(member)} within ` +
            `${member.connection.timeout}ms to the write of ${tags}: ${unknownEnd}`,
          { context },
        );
    }
  }
}

/** FC 5 and 6 for one coil or register, 15 and 16 for more, or always where the device has only those. */
function writeRequest(
  step: WriteStep & { readonly kind: "coils" | "registers" },
  unit: number,
  multiple: boolean,
): ModbusRequest {
  const { address } = step;
  if (step.kind === "coils") {
    const [state = false] = step.states;
    if (step.states.length === 1 && !multiple) return { functionCode: 5, unit, address, state };
    return { functionCode: 15, unit, address, states: step.states };
  }
  const { registers } = step;
  if (registers.length === 2 && !multiple) {
    return { functionCode: 6, unit, address, value: registers.readUInt16BE(0) };
  }
  return { functionCode: 16, unit, address, registers };
}
