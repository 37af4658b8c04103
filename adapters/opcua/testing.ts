import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { RecordingContext, type RecordingOptions } from "../../src/adapter-kit/testing.ts";
import { OpcuaSimulator, type OpcuaSimulatorOptions } from "../../simulators/opcua/server.ts";
import { opcuaAdapter } from "./adapter.ts";
import {
  CertificatePurpose,
  createSelfSignedCertificate,
  generateKeyPair,
  privateKeyToPEM,
} from "./library-crypto.ts";
import { deviceOf, type TagEntry } from "./mapping-fixture.ts";
import type { OpcuaDevice } from "./mapping.ts";

/** For tests: the id of a node of the simulated press. */
export function press(name: string): string {
  return `nsu=http://example.com/line;s=Press.${name}`;
}

/** For tests: a simulated press that ends with the test. */
export async function simulated(options: OpcuaSimulatorOptions = {}): Promise<OpcuaSimulator> {
  const simulator = await OpcuaSimulator.start({ line: true, ...options });
  onTestFinished(() => simulator.stop());
  return simulator;
}

/** For tests: a folder that goes with the test. */
export async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "linegate-pki-"));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

/** For tests: a user's certificate and key in PEM. */
export async function userPems({ from = -1, days = 30 } = {}) {
  const { privateKey } = await generateKeyPair(2048);
  const { cert } = await createSelfSignedCertificate({
    privateKey,
    notBefore: new Date(Date.now() + from * 86_400_000),
    validity: days,
    subject: "CN=operator",
    applicationUri: "urn:operator",
    purpose: CertificatePurpose.ForUserAuthentication,
  });
  const { privPem } = await privateKeyToPEM(privateKey);
  return { certificate: cert, key: privPem };
}

/** For tests: a device behind an endpoint. */
export function deviceAt(
  endpoint: string,
  tags: Readonly<Record<string, TagEntry>>,
  keys: { readonly connection?: object; readonly options?: object } = {},
): OpcuaDevice {
  return deviceOf(tags, { ...keys, connection: { endpoint, timeout: "2s", ...keys.connection } });
}

/** For tests: one life of an adapter, closed with the test. */
export async function connected(device: OpcuaDevice, recording: RecordingOptions = {}) {
  const context = new RecordingContext(recording);
  const adapter = opcuaAdapter.create(device, context);
  onTestFinished(() => adapter.close());
  await adapter.connect(AbortSignal.timeout(5_000));
  return { adapter, context };
}

/** For tests: the same, running; `ended` says what ended it. */
export async function running(device: OpcuaDevice, recording: RecordingOptions = {}) {
  const { adapter, context } = await connected(device, recording);
  const stop = new AbortController();
  const ended = adapter.run(stop.signal).catch((caught: unknown) => caught);
  onTestFinished(async () => {
    stop.abort();
    await ended;
  });
  return { adapter, context, ended, stop };
}
