import { adapterRegistry } from "../adapter-registry.ts";

/**
 * Loads every module once, so that the compile cache holds them all: called after an installation. The first start of a
 * gateway would otherwise keep the type stripper in memory for as long as it runs (17 MB).
 */
export async function warmUp(commands: readonly { load(): Promise<unknown> }[]): Promise<void> {
  await Promise.all([
    import("../gateway.ts"),
    import("../config/answer-load.ts"),
    ...[...commands, ...Object.values(adapterRegistry)].map((part) => part.load()),
  ]);
}
