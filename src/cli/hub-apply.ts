import { parseArgs } from "node:util";
import { dirname } from "node:path";
import { loadFleet } from "../config/load-fleet.ts";
import { GatewayError } from "../domain/errors.ts";
import { applyFleet, type Applied, type AppliedStream } from "../hub/apply-fleet.ts";
import { ask } from "../nats/ask.ts";
import { hubOptions, hubUsage, openHub, usualUrl } from "./hub-session.ts";
import { printIssues } from "./issue-text.ts";

const usage = `linegate hub apply FLEET.yaml [--url nats://HUB:4222] [options]

Creates the hub's streams BATCHES and EVENTS, and PUSH where it names \`push:\`, or brings them to what the file says, so that they take over those of every
gateway that it names: docs/hub.md. Neither messages nor sources are ever removed; what is as it should be is left alone.
A gateway that is away is added all the same. Exit 1 where a stream could not be brought to it.

  --url URL          the hub's servers, commas between; without it nats://127.0.0.1:4222
  --dry-run          tells what would change
${hubUsage}

With --json: {"streams":[{"stream","action","changes","problem"}],"away":[GATEWAY]}`;

const answerWithinMs = 5_000;

/** `linegate hub apply FLEET.yaml`. */
export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...hubOptions,
      url: { type: "string", default: usualUrl },
      "dry-run": { type: "boolean", default: false },
    },
  });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) {
    throw new GatewayError("CONFIG_INVALID", `linegate hub apply takes a fleet file.\n\n${usage}`);
  }
  const loaded = await loadFleet(file);
  if (!loaded.ok) {
    printIssues(dirname(file), loaded.issues);
    return 1;
  }
  const dryRun = values["dry-run"];
  const connection = await openHub(values.url, values);
  try {
    const applied = await applyFleet(
      loaded.fleet,
      (subject, payload) => ask(connection, subject, payload, answerWithinMs),
      Date.now(),
      dryRun,
    );
    console.log(values.json ? JSON.stringify(applied) : report(applied, dryRun));
    return applied.streams.some(({ problem }) => problem !== undefined) ? 1 : 0;
  } finally {
    await connection.close();
  }
}

function report({ streams, away }: Applied, dryRun: boolean): string {
  const lines = streams.flatMap((stream) => [
    `${stream.stream}: ${outcome(stream, dryRun)}`,
    ...stream.changes.map((change) => `  ${change}`),
  ]);
  if (away.length > 0) lines.push(`away just now, and added all the same: ${away.join(", ")}`);
  return lines.join("\n");
}

function outcome({ action, problem }: AppliedStream, dryRun: boolean): string {
  switch (action) {
    case "create":
      return dryRun ? "would be created" : "created";
    case "update":
      return dryRun ? "would be changed" : "changed";
    case "none":
      return "as it should be";
    case "refuse":
      return `left alone: ${problem}`;
    case "failed":
      return `failed: ${problem}`;
  }
}
