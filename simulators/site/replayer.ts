import type { Clock } from "../../src/adapter-kit/clock.ts";
import { GatewayError } from "../../src/domain/errors.ts";
import type { Recording } from "../../src/trace/frame-reader.ts";

export interface ReplayOptions {
  /** Where a server listens; 127.0.0.1 by default. */
  readonly host?: string | undefined;
  /** On which port; the recorded mapping's by default, 0 takes a free one. */
  readonly port?: number | undefined;
  /** The broker that devices dial in to. */
  readonly broker?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly clock: Clock;
  /** Recorded seconds a second. */
  readonly speed: number;
}

/** A recorded device that is there again. */
export interface RunningReplay extends AsyncDisposable {
  /** Where, in an operator's words. */
  readonly place: string;
}

export interface Replayer {
  /** Rejects with CONFIG_INVALID where the recording or the place won't do. */
  start(recording: Recording, options: ReplayOptions): Promise<RunningReplay>;
}

/** Every protocol whose recordings can be replayed. */
const replayers: Readonly<Record<string, () => Promise<Replayer>>> = {
  camera: async () => (await import("../camera/replay.ts")).cameraReplayer,
  modbus: async () => (await import("../modbus/replay.ts")).modbusReplayer,
  mqtt: async () => (await import("../mqtt/replay.ts")).mqttReplayer,
  opcua: async () => (await import("../opcua/replay.ts")).opcuaReplayer,
  sparkplug: async () => (await import("../sparkplug/replay.ts")).sparkplugReplayer,
};

/** Plays a recording. Rejects with CONFIG_INVALID where its protocol can't be replayed yet. */
export async function replay(recording: Recording, options: ReplayOptions): Promise<RunningReplay> {
  const { adapter } = recording.header;
  const load = Object.hasOwn(replayers, adapter) ? replayers[adapter] : undefined;
  if (load !== undefined) return (await load()).start(recording, options);
  throw new GatewayError(
    "CONFIG_INVALID",
    `Recordings of the adapter ${adapter} can't be replayed yet. Allowed: ${Object.keys(replayers).join(", ")}.`,
  );
}
