import { setTimeout as delay } from "node:timers/promises";
import type { OpcuaSimulator } from "./server.ts";

export const faultNames = ["restart", "download", "lost-subscription", "stand-still", "hang"] as const;
type FaultName = (typeof faultNames)[number];

/** How long a fault that has an end lasts, in ms. */
const lastsMs = 15_000;

/** Makes the server suffer one fault; resolves when it is over. */
export async function suffer(
  simulator: OpcuaSimulator,
  fault: FaultName,
  signal?: AbortSignal,
): Promise<void> {
  switch (fault) {
    case "restart":
      return simulator.restart();
    case "download":
      return simulator.download();
    case "lost-subscription":
      return simulator.loseSubscriptions();
    case "stand-still":
      return during(simulator.standStill(), signal);
    case "hang":
      return during(simulator.hang(), signal);
  }
}

interface ChaosOptions {
  readonly everyMs: number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly onFault: (fault: FaultName) => void;
}

/** One fault after the other, in an order that `random` chooses, until aborted. */
export async function chaos(
  simulator: OpcuaSimulator,
  { everyMs, random, onFault }: ChaosOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await delay(everyMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const fault = faultNames[Math.floor(random() * faultNames.length)] ?? "restart";
    onFault(fault);
    await suffer(simulator, fault, signal);
  }
}

async function during(end: () => void, signal: AbortSignal | undefined): Promise<void> {
  await delay(lastsMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  end();
}
