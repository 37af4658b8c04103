import { beforeEach, expect, test } from "vitest";
import { noServerHere } from "../../src/nats/testing.ts";
import { chaos } from "./rounds.ts";
import { settings } from "./settings.ts";

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

const { seed, first, rounds, nodes, way, kinds, report: showReport } = settings(process.env);

test(
  `after each of ${rounds} rounds of chaos (seed ${seed}) the hub has everything, once and in order`,
  async () => {
    const said: string[] = [];
    const say = (line: string) => {
      said.push(line);
      if (showReport) process.stdout.write(`${line}\n`);
    };
    const report = await chaos({ seed, first, rounds, nodes, way, kinds, say });
    if (showReport) process.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
    // With the rounds: they are what repeats it.
    expect({ failed: report.failed, said: report.failed && said }).toEqual({});
    expect(report.rounds).toBe(rounds);
    expect(report.messages).toBeGreaterThan(rounds);
  },
  60_000 + rounds * 180_000,
);
