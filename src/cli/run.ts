import { parseArgs } from "node:util";
import { systemClock } from "../adapter-kit/clock.ts";
import type { Log } from "../adapter-kit/log.ts";
import { loadSiteApart } from "../config/load-site-apart.ts";
import { SiteWatch } from "../config/watch-site.ts";
import { toGatewayError } from "../domain/errors.ts";
import { createLog, type LogLevel } from "../observability/log.ts";
import { readSecret } from "../security/read-secret.ts";
import { recoverChange, undoTrial } from "../services/push-down/recover-change.ts";
import { SiteReload } from "../site-reload.ts";
import { printIssues } from "./issue-text.ts";

const usage = `linegate run DIR [--log debug|info|warn|error]

Runs the gateway on a site folder until SIGTERM or SIGINT. Edits of the folder are taken while it runs; SIGHUP reads it again.
`;

const levels: readonly string[] = ["debug", "info", "warn", "error", "silent"];

/** Resolves with the first signal that ends the gateway. */
function endSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve(signal));
  });
}

export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { log: { type: "string", default: "info" }, help: { type: "boolean", short: "h" } },
  });
  const dir = positionals[0];
  if (values.help === true || dir === undefined || positionals.length > 1 || !levels.includes(values.log)) {
    process.stderr.write(usage);
    return values.help === true ? 0 : 2;
  }
  const log = createLog(values.log as LogLevel);
  // Heard from here on, so that a signal during the start ends it cleanly too.
  const ended = endSignal();
  for (;;) {
    // One after the other: a change from the hub that was taken back may need a start of its own.
    const code = await runOnce(dir, log, ended);
    if (code !== "again") return code;
  }
}

/** Until a signal comes, or the folder is one again that the gateway must be started on anew. */
async function runOnce(dir: string, log: Log, ended: Promise<NodeJS.Signals>): Promise<number | "again"> {
  const again = Promise.withResolvers<"again">();
  let reload: SiteReload | undefined;
  let changedEarly = false;
  const onChange = () => {
    if (reload === undefined) changedEarly = true;
    else void reload.reload();
  };
  process.on("SIGHUP", onChange);
  const watch = new SiteWatch({ dir, files: [], log, onChange });
  watch.start();
  const since = Date.now();
  await finishChange(dir, log);
  // The folder is read in a process of its own while this one loads the gateway.
  const [read, { Gateway }] = await Promise.all([loadSiteApart(dir), import("../gateway.ts")]);
  const loaded =
    read.ok || !(await takeBack(dir, "the folder does not load", log)) ? read : await loadSiteApart(dir);
  if (!loaded.ok) {
    watch.close();
    process.off("SIGHUP", onChange);
    printIssues(dir, loaded.issues);
    return 1;
  }
  const { site } = loaded;
  const { password } = site.gateway.nats;
  const gateway = new Gateway(site, {
    log,
    clock: systemClock,
    random: Math.random,
    searchPath: process.env["PATH"] ?? "",
    environment: process.env,
    changeFolder: async (work) => {
      if (reload === undefined) throw new DOMException("The gateway is being started", "AbortError");
      return reload.change(work);
    },
    startAgain: () => again.resolve("again"),
    natsPassword: password && (await readSecret(password, { siteDir: site.dir, environment: process.env })),
  });
  reload = new SiteReload({
    gateway,
    log,
    load: () => loadSiteApart(dir),
    follow: (files, from) => watch.follow(files, from),
  });
  try {
    const started = gateway.start();
    watch.follow(site.files, since);
    if (changedEarly) onChange();
    const first = await Promise.race([started, ended]);
    if (first === undefined) log.info(gateway.addresses, "running");
    else started.catch(() => undefined);
    const signal = await Promise.race([ended, again.promise]);
    log.info({ signal }, "stopping");
    return signal === "again" ? signal : 0;
  } catch (caught) {
    const { code, message, context } = toGatewayError(caught);
    log.error({ code, ...context }, message);
    return (await takeBack(dir, `the gateway does not start: ${message}`, log)) ? "again" : 1;
  } finally {
    process.off("SIGHUP", onChange);
    watch.close();
    await reload.stop();
    await gateway.stop();
  }
}

/** What a kill left half done of a change that the hub put. A disk that does not let it must not keep the gateway from starting. */
async function finishChange(dir: string, log: Log): Promise<void> {
  try {
    const done = await recoverChange(dir, Date.now());
    if (done !== undefined) log.warn({}, done);
  } catch (caught) {
    const error = toGatewayError(caught).message;
    log.error({ error }, "A change from the hub can't be brought to its end; the folder is taken as it is");
  }
}

/** A change that the hub put and that the gateway can't run on. True where there was one. */
async function takeBack(dir: string, why: string, log: Log): Promise<boolean> {
  const done = await undoTrial(dir, why, Date.now());
  if (done !== undefined) log.error({}, done);
  return done !== undefined;
}
