import type { DeviceMapping, TagMapping } from "../adapter-kit/mapping.ts";
import { ledgersSchema, type LedgerEntry } from "./ledger-schema.ts";
import type { LedgerConfig, LedgersConfig, LedgerSource } from "./ledger.ts";
import type { Mistakes, MistakeSink } from "./mistakes.ts";
import type { SiteFolder } from "./site-folder.ts";
import { findTag, SiteRules, siteTags, type SiteTags } from "./site-rules.ts";
import { keyPlace, type Source, type SourcePath } from "./source.ts";
import { validate } from "./validate.ts";

export const ledgerFile = "ledger.yaml";

/** The keys of a ledger that hold sources, and what they do. */
const sourceKeys = [
  ["out", "out"],
  ["in", "in"],
  ["counts", "count"],
] as const;

/** Names under which the gateway itself speaks on `state`, `event` or `data`. */
const ownNames = ["gateway", "alerting"];

/**
 * Reads and checks the site's `ledger.yaml`; undefined where there is none, or too little of it is right. Without devices,
 * because some could not be read, nothing is said about tags.
 */
export async function loadLedgers(
  folder: SiteFolder,
  devices: readonly DeviceMapping[] | undefined,
  mistakes: Mistakes,
): Promise<LedgersConfig | undefined> {
  const source = await folder.yaml(ledgerFile);
  // A file with nothing in it but comments is one that is not used yet.
  if (source === undefined || (source.kind === "scalar" && source.value === null)) return undefined;
  const validated = validate(ledgersSchema, source, [], mistakes);
  if (validated === undefined) return undefined;
  const tags = devices === undefined ? undefined : siteTags(devices);
  const timeOf = (name: string) => {
    const tag = tags === undefined ? undefined : findTag(tags, name);
    return tag === undefined ? undefined : timeIn(tag);
  };
  const ledgers = Object.entries(validated.value.ledgers).map(([name, entry]) =>
    toLedger(name, entry, timeOf),
  );
  const sound = mistakes.except(validated.leftOut);
  for (const ledger of ledgers) checkName(source, ledger, devices ?? [], sound);
  checkSources(source, validated.value.ledgers, tags, sound);
  return { ledgers };
}

/** Where in a tag's messages the source's own time stands, as adapters of devices that send by themselves have it. */
function timeIn({ options }: TagMapping): LedgerSource["time"] {
  return (options as { readonly timestamp?: LedgerSource["time"] }).timestamp;
}

function toLedger(
  name: string,
  entry: LedgerEntry,
  timeOf: (tag: string) => LedgerSource["time"],
): LedgerConfig {
  const { description, unit, decimals, articles } = entry;
  const sources = sourceKeys.flatMap(([key, kind]) =>
    entry[key].map(({ quantity, ...given }): LedgerSource => {
      const time = timeOf(given.tag);
      return {
        kind,
        ...given,
        ...(quantity === undefined ? {} : { quantity }),
        ...(time === undefined ? {} : { time }),
      };
    }),
  );
  return {
    name,
    ...(unit === undefined ? {} : { unit }),
    ...(description === undefined ? {} : { description }),
    decimals,
    articles,
    sources,
  };
}

function checkName(
  source: Source,
  { name }: LedgerConfig,
  devices: readonly DeviceMapping[],
  mistakes: MistakeSink,
): void {
  const isDevice = devices.some(({ device }) => device === name);
  if (!isDevice && !ownNames.includes(name)) return;
  mistakes.add(keyPlace(source, ["ledgers", name]), ["ledgers", name], {
    message: isDevice ? `there is a device ${name} already` : `${name} is a name of the gateway's own`,
    allowed: "a name that no device has: the balances are its tags",
  });
}

function checkSources(
  source: Source,
  ledgers: Readonly<Record<string, LedgerEntry>>,
  tags: SiteTags,
  mistakes: MistakeSink,
): void {
  const rules = new SiteRules({ source, tags, mistakes, fillable: [], writeKey: "" });
  for (const [name, entry] of Object.entries(ledgers)) {
    const seen = new Set<string>();
    for (const [key] of sourceKeys) {
      for (const [index, { tag }] of entry[key].entries()) {
        const path: SourcePath = ["ledgers", name, key, index, "tag"];
        if (seen.has(tag)) {
          const allowed = "each tag once in a ledger: what adds and what takes away on topics of their own";
          rules.add(path, { message: `${tag} is booked twice`, allowed });
        }
        seen.add(tag);
        checkDurable(rules, path, tag);
      }
    }
  }
}

/** Booked once is what has an identity and is stored together with the balances. */
function checkDurable(rules: SiteRules, path: SourcePath, name: string): void {
  const tag = rules.tag(path, name);
  if (tag === undefined) return;
  if (tag.durable?.id !== undefined) return;
  rules.add(path, {
    message:
      tag.durable === undefined
        ? `${name} is not durable: it is not stored together with the balances`
        : `the messages of ${name} have no identity: one that is sent twice would be booked twice`,
    allowed: "a tag with durable: { id: … }, the JSON Pointer to the message's own identity",
  });
}
