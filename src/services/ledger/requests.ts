import { GatewayError } from "../../domain/errors.ts";
import { isSegment, segmentForm } from "../../domain/tag-path.ts";
import type { Endpoint } from "../../nats/service-endpoint.ts";
import { optionalText, readFields, textField } from "../request-fields.ts";
import type { Balance } from "./ledger.ts";
import type { LedgerService } from "./ledger-service.ts";

export interface LedgerRequestOptions {
  readonly gateway: string;
  readonly service: Pick<LedgerService, "list" | "correct" | "remove">;
  /** Takes each request that changes something, and what became of it. */
  readonly audit: (entry: object) => Promise<void>;
}

const actions = ["correct", "remove"] as const;
type Action = (typeof actions)[number];

const expected =
  'expected a JSON object such as {"ledger":"stock","article":"milk-1l","by":"anna","why":"broken"}';
/** A message of NATS holds 1 MiB. */
const mostInReply = 2_000;

/** What people and services of the site may ask of the ledgers, on `ledger.<gateway>.…`. */
export function ledgerEndpoints(options: LedgerRequestOptions): readonly Endpoint[] {
  const subject = (name: string) => `ledger.${options.gateway}.${name}`;
  const list: Endpoint = {
    name: "list",
    subject: subject("list"),
    metadata: {
      request: '{"ledger":…,"article":…,"after":…} or nothing',
      reply: '{"balances":[{"ledger","article","balance","unit","countedAt","movedAt"}],"more":false}',
    },
    handle: (payload) => JSON.stringify(pick(options.service, payload)),
  };
  const acting = actions.map((name): Endpoint => ({
    name,
    subject: subject(name),
    metadata: {
      request:
        name === "correct"
          ? '{"ledger":…,"article":…,"balance":12,"by":…,"why":…}'
          : '{"ledger":…,"article":…,"by":…,"why":…}',
    },
    handle: (payload) => act(options, name, payload),
  }));
  return [list, ...acting];
}

/** Throws WRITE_REFUSED with what is expected. */
function pick(service: LedgerRequestOptions["service"], payload: Uint8Array) {
  const given = payload.length === 0 ? new Map<string, unknown>() : readFields(payload, expected);
  const { ledger } = optionalText(given.get("ledger"), "ledger", expected);
  const { article } = optionalText(given.get("article"), "article", expected);
  const { after } = optionalText(given.get("after"), "after", expected);
  if (after !== undefined && ledger === undefined)
    throw new GatewayError("WRITE_REFUSED", `"after" is an article of one "ledger": ${expected}.`);
  const found = service
    .list(ledger)
    .filter(
      (one) =>
        (article === undefined || one.article === article) && (after === undefined || one.article > after),
    );
  return { balances: found.slice(0, mostInReply), more: found.length > mostInReply };
}

async function act(
  { service, audit }: LedgerRequestOptions,
  action: Action,
  payload: Uint8Array,
): Promise<string> {
  let asked: Readonly<Record<string, unknown>> = {};
  try {
    const given = readFields(payload, expected);
    const ledger = textField(given.get("ledger"), "ledger", expected);
    const article = articleField(given.get("article"));
    const balance = given.get("balance");
    asked = {
      ledger,
      article,
      by: textField(given.get("by"), "by", expected),
      ...optionalText(given.get("why"), "why", expected),
      ...(action === "correct" ? { asked: balance ?? null } : {}),
    };
    const done: Balance =
      action === "correct"
        ? await service.correct(ledger, article, balance)
        : await service.remove(ledger, article);
    await audit({ action, ...asked, ...done, ok: true });
    return JSON.stringify({ ok: true, ...done });
  } catch (caught) {
    const message = caught instanceof Error ? caught.message : String(caught);
    await audit({ action, ...asked, ok: false, message });
    throw caught;
  }
}

function articleField(given: unknown): string {
  const article = textField(given, "article", expected);
  if (isSegment(article)) return article;
  throw new GatewayError("WRITE_REFUSED", `An article has ${segmentForm}, not ${JSON.stringify(article)}.`);
}
