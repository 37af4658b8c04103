import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import * as z from "zod";
import { durationField, type AdapterSchema } from "../adapter-kit/schema.ts";
import type { SchemaRegistry } from "./merge-device.ts";

export const gatewayYaml = "gateway: line1-gw\nsite: plant1/line1\n";

/** A site folder of these files, by path; gone with the test. Returns the folder. */
export async function siteFolder(files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "linegate-site-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  for (const [name, text] of Object.entries({ "gateway.yaml": gatewayYaml, ...files })) {
    const file = join(dir, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  return dir;
}

interface TagOptions {
  readonly address: number;
  readonly text?: boolean | undefined;
}

function schemaNamed(name: string, polled: boolean): AdapterSchema {
  const schema: AdapterSchema<{ host: string; timeout: number }, { order: string }, TagOptions> = {
    name,
    connection: z.strictObject({ host: z.string(), timeout: durationField.prefault("1s") }),
    options: z.object({ order: z.enum(["ABCD", "CDAB"]).default("ABCD").meta({ title: "byte order" }) }),
    tag: z.object({ address: z.int().min(0).max(99), text: z.boolean().optional() }),
    write: z.object({ readBack: z.boolean().default(true) }),
    polled,
    templates: !polled,
    silence: ({ timeout }) => 10 * timeout,
    ...(polled ? {} : { stale: ({ text }: TagOptions) => (text === true ? 60_000 : undefined) }),
    value: ({ text }) =>
      text === true
        ? { kind: "string" }
        : { kind: "integer", min: 0n, max: 0xffff_ffff_ffff_ffffn, wide: "uint64" },
    endpoint: ({ host }) => host,
    check: ({ tags }) =>
      tags
        .filter((tag) => tag.options.address === 13)
        .map((tag) => ({ path: ["tags", tag.name, "address"], message: "13 is unlucky", allowed: "others" })),
  };
  return schema;
}

/** Two protocols that exist in tests only: one is polled, in the other devices send by themselves. */
export const testRegistry: SchemaRegistry = {
  polled: { schema: async () => schemaNamed("polled", true) },
  sending: { schema: async () => schemaNamed("sending", false) },
};
