import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { GatewayError } from "../domain/errors.ts";
import { compileCacheFolder } from "./compile-cache.ts";
import type { LoadAnswer } from "./answer-load.ts";
import type { LoadedSite } from "./site.ts";

export interface LoadApartOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long the process may take, in ms. */
  readonly timeoutMs?: number;
  /** Set by tests only: the module that the process runs. */
  readonly entry?: URL;
}

/** Far above what a thousand devices need; a folder on a dead network mount must not hold up a reload for good. */
const defaultTimeoutMs = 30_000;
/** For what is left to do once the answer is sent. */
const endWithinMs = 5_000;
/** Of what the process said last, enough for its error. */
const keptOutput = 4_096;

/**
 * As `loadSite`, in a process of its own that ends with it: the schemas and the YAML parser cost 25 MB that the gateway
 * would otherwise keep. Rejects with INTERNAL where the process fails, with the signal's reason where it is aborted.
 */
export async function loadSiteApart(dir: string, options: LoadApartOptions = {}): Promise<LoadedSite> {
  const { signal, timeoutMs = defaultTimeoutMs } = options;
  signal?.throwIfAborted();
  const entry = fileURLToPath(options.entry ?? new URL("./load-site-process.mjs", import.meta.url));
  const child = fork(entry, [dir], {
    execArgv: [],
    // Set from outside, the cache serves the entry as well, and the TypeScript parser is not even loaded.
    env: { NODE_COMPILE_CACHE: compileCacheFolder, ...process.env },
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const timeout = AbortSignal.timeout(timeoutMs);
  const ended = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
  try {
    const answer = await answerOf(child, ended, dir);
    letEnd(child);
    if ("loaded" in answer) return answer.loaded;
    throw new GatewayError(answer.code, answer.message, { context: { dir, stack: answer.stack } });
  } catch (caught) {
    child.kill("SIGKILL");
    if (!timeout.aborted || signal?.aborted === true) throw caught;
    throw new GatewayError(
      "INTERNAL",
      `Reading ${dir} took longer than ${timeoutMs / 1_000} s. Check that the disk or mount it stands on answers.`,
      { context: { dir } },
    );
  }
}

/** The answer is here; the process still writes its compile cache, which nobody need wait for. */
function letEnd(child: ChildProcess): void {
  const late = setTimeout(() => child.kill("SIGKILL"), endWithinMs);
  late.unref();
  child.once("exit", () => clearTimeout(late));
  child.unref();
}

function answerOf(child: ChildProcess, ended: AbortSignal, dir: string): Promise<LoadAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<LoadAnswer>();
  let output = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    output = `${output}${text}`.slice(-keptOutput);
  });
  child.once("message", (message) => resolve(message as LoadAnswer));
  child.once("error", (cause) =>
    reject(new GatewayError("INTERNAL", "The process that reads the site folder did not start.", { cause })),
  );
  child.once("close", (code, signal) => {
    const how = signal ?? `exit code ${code}`;
    const message = `The process that reads the site folder ended early (${how}).`;
    reject(new GatewayError("INTERNAL", message, { context: { dir, output } }));
  });
  ended.addEventListener("abort", () => reject(ended.reason as Error), { once: true });
  return promise;
}
