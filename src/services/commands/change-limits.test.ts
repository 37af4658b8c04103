import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ms } from "../../domain/duration.ts";
import { commandSetup, ManualClock, pressWith } from "./testing.ts";

test("whatever is asked for and whenever, the value moves no faster than its rate and no further than a step", async () => {
  const attempt = fc.record({
    wait: fc.integer({ min: 0, max: 3_000 }),
    value: fc.integer({ min: -300, max: 300 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(attempt, { maxLength: 20 }), async (attempts) => {
      const clock = new ManualClock();
      const device = pressWith({ maxStep: 80, rate: { max: 100, per: ms(1_000) } });
      const { request, reads } = commandSetup({ device, clock });
      reads("motor/setpoint", 0);
      const moves: { at: number; change: number }[] = [];
      let present = 0;
      for (const { wait, value } of attempts) {
        await clock.pass(wait);
        const reply = (await request("motor.setpoint", { value })) as { readonly ok: boolean };
        if (!reply.ok) continue;
        moves.push({ at: clock.monotonic(), change: Math.abs(value - present) });
        present = value;
      }
      for (const [from, { at: begin }] of moves.entries()) {
        let moved = 0;
        for (const { at, change } of moves.slice(from)) {
          expect(change).toBeLessThanOrEqual(80);
          moved += change;
          expect(moved).toBeLessThanOrEqual(100 + (100 * (at - begin)) / 1_000 + 1e-6);
        }
      }
    }),
    { numRuns: 50 },
  );
});
