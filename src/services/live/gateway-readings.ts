import type { Clock } from "../../adapter-kit/clock.ts";
import { gatewayDevice, gatewayTags, type GatewayTag } from "../../config/gateway-tags.ts";
import type { Reading } from "../../domain/reading.ts";
import { TagPath } from "../../domain/tag-path.ts";

export type GatewayValues = Readonly<Partial<Record<GatewayTag, number | boolean>>>;

export interface GatewayReadingsOptions {
  readonly site: string;
  readonly publish: (reading: Reading) => void;
  readonly clock: Clock;
}

/** Tells how the gateway itself stands in readings, as if it were a device: each when it changes. */
export class GatewayReadings {
  readonly #options: GatewayReadingsOptions;
  readonly #last = new Map<string, number | boolean>();
  #sequence = 0;

  constructor(options: GatewayReadingsOptions) {
    this.#options = options;
  }

  tell(values: GatewayValues): void {
    const { site, publish, clock } = this.#options;
    for (const [name, value] of Object.entries(values)) {
      if (this.#last.get(name) === value) continue;
      this.#last.set(name, value);
      this.#sequence += 1;
      const tag = gatewayTags[name as GatewayTag];
      publish({
        path: new TagPath("data", site, gatewayDevice, name),
        value,
        quality: "good",
        timestamp: clock.now(),
        unit: "unit" in tag ? tag.unit : undefined,
        sequence: this.#sequence,
        readAt: clock.monotonic(),
      });
    }
  }
}
