import type { Clock } from "../../adapter-kit/clock.ts";
import type { ConfigIssue, LoadedSite } from "../../config/site.ts";
import { GatewayError, isAbort, toGatewayError } from "../../domain/errors.ts";
import type { Reloaded } from "../../site-reload.ts";
import { applyChange, neededBlobs, undoChange, type ChangedFolder } from "./change-folder.ts";
import type { HubWire } from "../../nats/hub-wire.ts";
import type { FileChange, OrderOutcome } from "./journal.ts";
import { pieceSubject, type PushedFile, type PushOrder } from "./order.ts";
import { planChange, refusalsOf, type PushLimits } from "./plan-change.ts";
import { makeShadow } from "./shadow-folder.ts";

export interface TakeOptions {
  readonly gateway: string;
  readonly folder: ChangedFolder;
  readonly limits: PushLimits;
  readonly wire: HubWire;
  /** Reads and checks a whole folder. */
  readonly load: (dir: string, signal: AbortSignal) => Promise<LoadedSite>;
  /** Changes the folder with no reload in between, then reads it again. */
  readonly change: (work: () => Promise<void>) => Promise<Reloaded>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const mostIssues = 100;
/** So often, and so long after each other, a piece is looked for that a copy of the hub's may not have yet. */
const mostLooks = 10;
const behindMs = 1_000;

/**
 * Deals with one order, and has its outcome in the journal before it resolves. Rejects with UPLINK_UNAVAILABLE where the
 * hub went away meanwhile, with the signal's reason where it aborts: then nothing has changed and the order is still open.
 */
export async function takeOrder(order: PushOrder, options: TakeOptions): Promise<OrderOutcome> {
  const { folder, limits } = options;
  const issues = await refusalsOf(folder.dir, order, limits);
  if (issues.length > 0) return conclude(order, options, refused(issues));
  const changes = await planChange(folder.dir, order, folder.journal.change);
  const nothing = order.action === "put" ? "unchanged" : "refused";
  if (changes.length === 0) {
    const message = nothing === "refused" ? { message: "there is no earlier change to go back from" } : {};
    return conclude(order, options, { outcome: nothing, ...message });
  }
  try {
    await fetchAll(order.files, changes, options);
    const wrong = await mistakesAfter(changes, options);
    if (wrong.length > 0) return await conclude(order, options, refused(wrong));
  } catch (caught) {
    const { code, message } = toGatewayError(caught);
    if (isAbort(caught) || code === "UPLINK_UNAVAILABLE") throw caught;
    return conclude(order, options, { outcome: "refused", message });
  }
  return apply(order, changes, options);
}

type Ending = Pick<OrderOutcome, "outcome" | "message" | "issues" | "devices" | "needRestart">;

function refused(issues: readonly ConfigIssue[]): Ending {
  const more = issues.length - mostIssues;
  return {
    outcome: "refused",
    message: `${issues.length} ${issues.length === 1 ? "mistake" : "mistakes"}${more > 0 ? `, the first ${mostIssues} of them here` : ""}`,
    issues: issues.slice(0, mostIssues),
  };
}

async function conclude(order: PushOrder, options: TakeOptions, ending: Ending): Promise<OrderOutcome> {
  const outcome = outcomeOf(order, options, ending);
  await options.folder.journal.setOutcome(outcome);
  return outcome;
}

function outcomeOf(
  { id, name, version, by }: PushOrder,
  { clock }: TakeOptions,
  ending: Ending,
): OrderOutcome {
  return { id, name, version, by, ...ending, at: clock.now(), unaudited: true };
}

/** What the folder is to hold, and what it holds now, by its hash. */
async function fetchAll(
  files: readonly PushedFile[],
  changes: readonly FileChange[],
  options: TakeOptions,
): Promise<void> {
  const { folder, gateway, wire, clock, signal } = options;
  const { blobs, dir, journal } = folder;
  const earlier = neededBlobs(journal.change?.changes ?? []);
  await blobs.keepOnly(new Set([...neededBlobs(changes), ...partials(files), ...earlier]));
  for (const { path } of changes) await blobs.keep(`${dir}/${path}`);
  const changed = new Set(changes.map(({ path }) => path));
  for (const file of files.filter(({ path }) => changed.has(path))) {
    await blobs.fetch(file, async (index) => {
      const subject = `${wire.api}.DIRECT.GET.PUSH.${pieceSubject(gateway, file.sha256, index)}`;
      // Any server of the hub's cluster answers, one whose copy is a moment behind as well.
      for (let looks = 0; looks < mostLooks; looks += 1) {
        if (looks > 0) await clock.sleep(behindMs, signal);
        signal.throwIfAborted();
        const piece = await wire.ask(subject, "");
        if (piece !== undefined) return piece;
      }
      throw new GatewayError("WRITE_REFUSED", `The hub has not all of ${file.path} any more. Push it again.`);
    });
  }
}

function partials(files: readonly PushedFile[]): readonly string[] {
  return files.map(({ sha256 }) => `${sha256}.part`);
}

/** Every mistake of the folder as it would be. */
async function mistakesAfter(
  changes: readonly FileChange[],
  { folder, load, gateway, signal }: TakeOptions,
): Promise<readonly ConfigIssue[]> {
  const shadow = await makeShadow(folder.dir, changes, (sha256) => folder.blobs.path(sha256));
  const loaded = await load(shadow, signal);
  if (!loaded.ok) return loaded.issues;
  const name = loaded.site.gateway.gateway;
  if (name === gateway) return [];
  const place = { file: "gateway.yaml", line: 1, column: 1, path: "gateway" };
  return [
    { ...place, message: `the hub knows this gateway as ${gateway}, not as ${name}`, allowed: gateway },
  ];
}

async function apply(
  order: PushOrder,
  changes: readonly FileChange[],
  options: TakeOptions,
): Promise<OrderOutcome> {
  const { folder, change: changeFolder, clock } = options;
  const { id, name, version, by } = order;
  const change = { order: { id, name, version, by }, changes, starts: 0, needsStart: false };
  let problem: string;
  try {
    const applied = outcomeOf(order, options, { outcome: "applied" });
    const reloaded = await changeFolder(() => applyChange(folder, change, applied));
    if (reloaded.ok) {
      const { needRestart, ...devices } = reloaded.applied;
      const isLater = needRestart.length > 0;
      const outcome = outcomeOf(order, options, {
        outcome: "applied",
        devices,
        ...(isLater ? { needRestart, message: "takes effect at the next start of the gateway" } : {}),
      });
      await folder.journal.setChange({ ...change, state: "trial", needsStart: isLater }, outcome);
      return outcome;
    }
    problem = `the folder does not load: ${reloaded.issues.length} mistakes`;
  } catch (caught) {
    // A stop came between: what was done is in the journal, and is on trial at the next start.
    if (isAbort(caught)) throw caught;
    problem = toGatewayError(caught).message;
  }
  let outcome: OrderOutcome | undefined;
  await changeFolder(async () => {
    outcome = await undoChange(folder, { ...change, state: "trial" }, problem, clock.now());
  });
  return outcome ?? conclude(order, options, { outcome: "rolled back", message: problem });
}
