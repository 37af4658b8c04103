import * as z from "zod";
import { byteSizeForm, parseByteSize } from "../domain/byte-size.ts";
import { durationForm, parseDuration } from "../domain/duration.ts";
import type { ListenAddress } from "../domain/listen-address.ts";
import type { DeviceMapping, DurableTopic, ValueSpec } from "./mapping.ts";

/** `50ms`, `10s`, `5m` in a mapping file; a Duration in the program. */
export const durationField = z
  .string({ error: `expected ${durationForm}` })
  .meta({ pattern: "^\\d+(\\.\\d+)?(ms|s|m|h|d)$", examples: ["50ms", "10s"] })
  .transform((text, context) => {
    const duration = parseDuration(text);
    if (duration !== undefined) return duration;
    context.issues.push({ code: "custom", input: text, message: `expected ${durationForm}` });
    return z.NEVER;
  });

/** `64KB`, `4GB` in a mapping file; a ByteSize in the program. */
export const byteSizeField = z
  .string({ error: `expected ${byteSizeForm}` })
  .meta({ pattern: "^\\d+(\\.\\d+)?\\s?([kKMGT]i?)?B$", examples: ["64KB", "4GB"] })
  .transform((text, context) => {
    const size = parseByteSize(text);
    if (size !== undefined) return size;
    context.issues.push({ code: "custom", input: text, message: `expected ${byteSizeForm}` });
    return z.NEVER;
  });

/** `127.0.0.1:1883` in a mapping file; a ListenAddress in the program. */
export const listenField = z
  .string()
  .meta({ pattern: "^.+:\\d+$", examples: ["127.0.0.1:1883", "[::1]:1883"] })
  .transform((text, context): ListenAddress => {
    const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
    const port = Number(match?.[3]);
    if (match !== null && port <= 65_535) return { host: match[1] ?? match[2] ?? "", port };
    context.issues.push({
      code: "custom",
      input: text,
      message: "expected an address and a port, such as 127.0.0.1:1883",
    });
    return z.NEVER;
  });

/** A secret is never written into a mapping: it comes from the environment or a file, read when it is needed. */
export const secretField = z
  .string()
  .regex(
    /^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$/,
    "expected env:NAME or file:PATH; a secret does not belong into a mapping file",
  )
  .describe("Where the secret is found: env:NAME or file:PATH");

/** A mistake that only the adapter can see, found without any I/O. */
export interface MappingIssue {
  /** Where in the device file, such as `["tags", "ram/pressure", "address"]`. */
  readonly path: readonly (string | number)[];
  /** What is wrong. */
  readonly message: string;
  /** What would be right. */
  readonly allowed?: string;
  /** The nearest name that was perhaps meant. */
  readonly meant?: string;
}

/** How a device that has no mapping yet is named on a command line: `modbus-tcp://10.0.0.5:502/1`. */
export interface ConnectionUrl {
  /** Without the colon: `modbus-tcp`. */
  readonly schemes: readonly string[];
  /** What an operator may imitate. */
  readonly examples: readonly string[];
  /** What a mapping file would say under `connection:`; the schema checks it afterwards. Throws CONFIG_INVALID. */
  connection(url: URL): { readonly [key: string]: unknown };
}

/** Something that several devices may be on, such as a serial line, and how it is used, such as `rtu 19200 8E1`. */
export interface Medium {
  readonly name: string;
  readonly settings: string;
}

/**
 * The declarative half of a protocol: what its mapping files may say. It imports nothing that talks to devices,
 * so that `linegate check` needs none of it.
 */
export interface AdapterSchema<Connection = unknown, Options = unknown, TagOptions = unknown> {
  /** As in `adapter:` of a device file. */
  readonly name: string;
  /** The keys of `connection:`. */
  readonly connection: z.ZodType<Connection>;
  /** Further keys at the top of a device file. */
  readonly options: z.ZodObject<z.ZodRawShape>;
  /** Further keys of a tag, `address` among them. */
  readonly tag: z.ZodObject<z.ZodRawShape>;
  /** Further keys of a tag's `write` entry. */
  readonly write: z.ZodObject<z.ZodRawShape>;
  /** True where tags are polled, and so belong to a poll group. */
  readonly polled: boolean;
  /** Which tags are polled, where `polled` is true and some are not; without it all are. */
  polls?(tag: TagOptions, connection: Connection, device: Options): boolean;
  /** True where a tag's name may hold `{1}`, filled from a wildcard. */
  readonly templates: boolean;
  /** The silence after which a device counts as lost, where the mapping says nothing; in ms. */
  silence?(connection: Connection): number | undefined;
  /** The stale limit of a tag that is not polled, where the mapping says nothing; in ms. */
  stale?(tag: TagOptions, connection: Connection): number | undefined;
  /** What a tag's raw value may be. */
  value(tag: TagOptions, device: Options): ValueSpec;
  /** True where reading a written tag gives an answer of its own, as the results of a called method. */
  answers?(tag: TagOptions): boolean;
  /** The tag's topic, where its messages are to be on disk before they are acknowledged. */
  durable?(tag: TagOptions, connection: Connection): DurableTopic | undefined;
  /** Names the device on its medium: two devices of one site with the same endpoint overlap, which is a mistake. */
  endpoint?(connection: Connection, options: Options): string | undefined;
  /** Connections written as a URL. */
  readonly url?: ConnectionUrl;
  /** What the device shares with others: those that name the same medium must agree on its settings, in words. */
  medium?(connection: Connection): Medium | undefined;
  /** Where the gateway itself listens for the device; devices that name the same address share the listener. */
  listens?(connection: Connection): ListenAddress | undefined;
  /** Mistakes across fields and tags. */
  check?(device: DeviceMapping<Connection, Options, TagOptions>): readonly MappingIssue[];
}
