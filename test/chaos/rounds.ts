import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import type { NatsConnection } from "@nats-io/transport-node";
import { hubUser } from "../fixture/hub.ts";
import { applyFleet, urls, verifyAt } from "../fixture/hub-edge.ts";
import { HubReader } from "./hub-reader.ts";
import { Ledger, type Verdict } from "./ledger.ts";
import { Load } from "./load.ts";
import { describeFault, faultKinds, planRound, type FaultKind } from "./plan.ts";
import type { Way } from "./settings.ts";
import { whereabouts, type Whereabouts } from "./whereabouts.ts";
import { World } from "./world.ts";

/** A round's readings and events go on for so long at least. */
const roundMs = 4_000;
/** What is left to arrive when the faults are over; the hub asks for what a black hole swallowed after tens of seconds. */
const drainWithinMs = 120_000;
const lookEveryMs = 250;

export interface ChaosOptions {
  readonly seed: number;
  /** The number of the first round: a later one begins where an earlier run stopped. */
  readonly first: number;
  readonly rounds: number;
  readonly nodes: 1 | 3;
  readonly way: Way;
  /** Absent: all that this machine can do. */
  readonly kinds?: readonly FaultKind[];
  readonly say: (line: string) => void;
}

export interface ChaosReport {
  readonly rounds: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly readings: number;
  /** At the hub. */
  readonly messages: number;
  readonly longestDrainMs: number;
  /** Of the first round after which something was wrong; undefined where there was none. */
  readonly failed?: {
    readonly round: number;
    readonly verdict: Verdict;
    readonly verify: string;
    /** Of what was lost. */
    readonly whereabouts: Whereabouts;
    readonly log: readonly string[];
  };
}

/** Round after round: a load, faults by the seed, and when all is healed a look whether the hub has everything, once and in order. */
export async function chaos({
  seed,
  first,
  rounds,
  nodes,
  way,
  kinds = faultKinds,
  say,
}: ChaosOptions): Promise<ChaosReport> {
  const world = await World.begin(nodes, way);
  for (const [kind, reason] of world.leftOut) say(`left out: ${kind}: ${reason}`);
  const possible = kinds.filter((kind) => !world.leftOut.has(kind));
  const fleet = await hubUser(world.hubs, "fleet");
  const ledger = new Ledger();
  const load = await Load.begin(world.ports, ledger, () => world.isStored);
  const faults: Record<string, number> = {};
  let longestDrainMs = 0;
  const report = (round: number): ChaosReport => ({
    rounds: round,
    faults,
    readings: load.sent,
    messages: ledger.arrived,
    longestDrainMs,
  });
  try {
    await applied(world);
    const reader = new HubReader(fleet);
    for (let round = first; round < first + rounds; round += 1) {
      const plan = planRound(seed, round, possible);
      say(`seed ${seed}, round ${round}: ${plan.map(describeFault).join(", ")}`);
      for (const { kind } of plan) faults[kind] = (faults[kind] ?? 0) + 1;
      world.mark();
      load.run();
      const endOfFaults = plan.map(async (fault) => {
        await delay(fault.at);
        await world.suffer(fault);
      });
      await Promise.all([...endOfFaults, delay(roundMs)]);
      load.rest();
      const healedAt = performance.now();
      const verdict = await drained(world, reader, ledger, fleet);
      longestDrainMs = Math.max(longestDrainMs, Math.round(performance.now() - healedAt));
      const { code, stdout } = await verifyAt(world.hubs);
      if (!isClean(verdict) || code !== 0)
        return {
          ...report(round),
          failed: {
            round,
            verdict,
            verify: stdout,
            whereabouts: await whereabouts(numbersIn(verdict.lost), world.ports.nats, fleet),
            log: world.log,
          },
        };
    }
    return report(rounds);
  } finally {
    await load.end();
  }
}

/** A cluster that has just begun has no leader yet. */
async function applied({ hubs, fleet }: World): Promise<void> {
  const until = performance.now() + drainWithinMs;
  for (;;) {
    const { code, stderr } = await applyFleet(hubs, fleet);
    if (code === 0) return;
    if (performance.now() > until) throw new Error(`hub apply at ${urls(hubs)}: ${stderr}`);
    await delay(lookEveryMs);
  }
}

/** Resolves when nothing is missing any more, or the time for it is over; gives what is wrong then. */
async function drained(
  world: World,
  reader: HubReader,
  ledger: Ledger,
  fleet: NatsConnection,
): Promise<Verdict> {
  const until = performance.now() + drainWithinMs;
  for (let last = -1; ;) {
    await reader.look(ledger).catch(() => fleet.flush().catch(() => undefined));
    const given = numbersGiven(world.data);
    const verdict = ledger.judge(given);
    // Batches are still closed, and windows end, for a moment after the last reading.
    if ((verdict.lost.length === 0 && given === last) || performance.now() > until) return verdict;
    last = given;
    await delay(lookEveryMs * 4);
  }
}

/** The highest number that the gateway's outbox has given a message. */
function numbersGiven(data: string): number {
  using database = new DatabaseSync(join(data, "linegate.db"), { readOnly: true, timeout: 2_000 });
  return Number(
    database.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'").get()?.["seq"] ?? 0,
  );
}

function isClean({ lost, twice, outOfOrder }: Verdict): boolean {
  return lost.length === 0 && twice.length === 0 && outOfOrder.length === 0;
}

function numbersIn(lost: readonly string[]): readonly number[] {
  return lost.map((one) => Number(/^number (\d+)$/.exec(one)?.[1] ?? Number.NaN)).filter(Number.isInteger);
}
