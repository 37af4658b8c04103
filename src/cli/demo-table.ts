import type { TagMapping } from "../adapter-kit/mapping.ts";
import type { Site } from "../config/site.ts";
import type { Quality, Reading, TagValue } from "../domain/reading.ts";
import type { DeviceState } from "../supervisor/device-state.ts";

/** One tag in the table, as last seen. */
export interface Row {
  readonly tag: string;
  readonly unit: string;
  /** Decimals to be shown; undefined where the values' size decides. */
  readonly decimals: number | undefined;
  /** Undefined until the first reading. */
  value: TagValue | null | undefined;
  quality: Quality | undefined;
  status: string | undefined;
  /** Milliseconds since the Unix epoch. */
  timestamp: number;
  /** The largest magnitude so far, so that the decimals shown do not jump with each value. */
  largest: number;
}

export interface DeviceRows {
  readonly device: string;
  /** Where it is, in an operator's words. */
  readonly place: string;
  state: DeviceState;
  readonly rows: Row[];
}

/** What of a site the table is made from. */
export interface TableSite {
  readonly gateway: Pick<Site["gateway"], "site">;
  readonly devices: Site["devices"];
}

/** What a live table shows: the last reading of every tag and the state of every device. */
export class DemoTable {
  readonly devices: readonly DeviceRows[];
  readings = 0;
  badReadings = 0;
  readonly #prefix: string;
  readonly #byDevice: ReadonlyMap<string, DeviceRows>;
  readonly #byTopic = new Map<string, Row>();

  constructor(site: TableSite, places: ReadonlyMap<string, string>) {
    this.#prefix = `data/${site.gateway.site}/`;
    this.devices = site.devices.map(({ device, tags }) => ({
      device,
      place: places.get(device) ?? "",
      state: { state: "connecting" },
      rows: tags.filter(({ name }) => !name.includes("{")).map((tag) => rowOf(tag)),
    }));
    this.#byDevice = new Map(this.devices.map((rows) => [rows.device, rows]));
    for (const { device, rows } of this.devices) {
      for (const row of rows) this.#byTopic.set(`${this.#prefix}${device}/${row.tag}`, row);
    }
  }

  get online(): number {
    return this.devices.filter(({ state }) => state.state === "online").length;
  }

  /** True when every tag has had a reading. */
  get filled(): boolean {
    return this.devices.every(({ rows }) => rows.every(({ value }) => value !== undefined));
  }

  /** The last value of a tag, such as `press-1/motor/setpoint`. */
  valueOf(name: string): TagValue | null | undefined {
    return this.#byTopic.get(`${this.#prefix}${name}`)?.value;
  }

  /** Quick enough to be called for every reading. */
  read(reading: Reading): void {
    this.readings += 1;
    if (reading.quality === "bad") this.badReadings += 1;
    const row = this.#byTopic.get(reading.path.topic) ?? this.#added(reading);
    if (row === undefined) return;
    row.value = reading.value;
    row.quality = reading.quality;
    row.status = reading.status;
    row.timestamp = reading.timestamp;
    const size = typeof reading.value === "number" ? Math.abs(reading.value) : 0;
    if (size > row.largest) row.largest = size;
  }

  changed(device: string, state: DeviceState): void {
    const rows = this.#byDevice.get(device);
    if (rows !== undefined) rows.state = state;
  }

  /** A tag that a wildcard made is in the table from its first reading on. */
  #added(reading: Reading): Row | undefined {
    const [device = "", ...tag] = reading.path.topic.slice(this.#prefix.length).split("/");
    const rows = this.#byDevice.get(device)?.rows;
    if (rows === undefined || tag.length === 0) return undefined;
    const row = emptyRow(tag.join("/"), reading.unit ?? "", undefined);
    rows.push(row);
    this.#byTopic.set(reading.path.topic, row);
    return row;
  }
}

function rowOf({ name, unit = "", value, scale, offset }: TagMapping): Row {
  const whole = value.kind === "integer";
  return emptyRow(name, unit, whole ? Math.max(decimalsOf(scale), decimalsOf(offset)) : undefined);
}

function decimalsOf(value: number): number {
  return value.toString().split(".")[1]?.length ?? 0;
}

function emptyRow(tag: string, unit: string, decimals: number | undefined): Row {
  return {
    tag,
    unit,
    decimals,
    value: undefined,
    quality: undefined,
    status: undefined,
    timestamp: 0,
    largest: 0,
  };
}
