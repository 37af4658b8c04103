import { parseArgs } from "node:util";
import { numberArgument } from "./number-argument.ts";

export const usage = `Usage: linegate demo [options]

Simulators for every device of the factory site, the gateway on them, and a live table. Needs no device and changes
nothing on this machine. Ctrl+C ends it.

  --seconds N   ends after so long
  --json        prints one line at the end in place of the table:
                {"devices":…,"online":…,"readings":…,"badReadings":…,"natsMessages":…,"writes":…}
  --site DIR    another mapping folder; its devices are simulated, not touched
  --seed N      the same seed gives the same values (1)
  --help        this text
`;

export interface DemoArguments {
  readonly help: boolean;
  readonly json: boolean;
  readonly seconds: number | undefined;
  readonly site: string | undefined;
  readonly seed: number;
}

/** Reads the command line; throws for what it doesn't know. */
export function readDemoArguments(args: readonly string[]): DemoArguments {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  const options = { seconds: text, site: text, seed: text, json: flag, help: { ...flag, short: "h" } };
  const { values } = parseArgs({ args: [...args], options });
  return {
    help: values.help === true,
    json: values.json === true,
    seconds: numberArgument("--seconds", values.seconds),
    site: values.site,
    seed: numberArgument("--seed", values.seed) ?? 1,
  };
}
