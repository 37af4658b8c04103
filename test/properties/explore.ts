import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, globSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

const usage = `npm run explore -- [--rounds N] [--seed S] [FILE...]

Tries every property on other cases than \`npm test\` does: N rounds, with the seeds S, S + 1 and so on. Exit 1 where one
fails; its seed repeats the round.
`;

const root = join(import.meta.dirname, "..", "..");

function withProperties(): readonly string[] {
  const files = globSync("{src,adapters,simulators,bin,test}/**/*.test.ts", { cwd: root });
  return files.filter((file) => readFileSync(join(root, file), "utf8").includes('from "fast-check"'));
}

async function holds(seed: number, files: readonly string[]): Promise<boolean> {
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const asked = ["run", "--config", "test/vitest.config.ts", "--root", ".", "--reporter=dot", ...files];
  const child = spawn(process.execPath, [vitest, ...asked], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, PROPERTY_SEED: String(seed) },
  });
  const [code] = (await once(child, "exit")) as [number | null];
  return code === 0;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const [rounds, seed] = [Number(values.rounds), Number(values.seed)];
if (![rounds, seed].every((number) => Number.isSafeInteger(number) && number > 0)) {
  process.stderr.write(usage);
  process.exit(2);
}
const files = positionals.length > 0 ? positionals : withProperties();
const failed: number[] = [];
for (let round = 0; round < rounds; round += 1) {
  if (!(await holds(seed + round, files))) failed.push(seed + round);
}
process.stdout.write(
  failed.length === 0
    ? `${rounds} rounds from seed ${seed} on, ${files.length} files: every property held\n`
    : `Failed with the seeds ${failed.join(", ")}: npm run explore -- --rounds 1 --seed ${failed[0] ?? seed}\n`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
