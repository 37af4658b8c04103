import {
  formatDuration,
  groupsOf,
  ms,
  type BusPlan,
  type DevicePlan,
  type GroupPlan,
  type PlannedRequest,
  type PollGroup,
} from "../../src/adapter-kit/index.ts";
import type { Table } from "./address.ts";
import { perMillisecond } from "./bus-load.ts";
import { endpointOf, isSerial, lineOf, type ModbusDevice, type ModbusTag } from "./mapping.ts";
import { costOf, planReads, type CostModel, type ReadRequest } from "./planner.ts";
import { readCodeOf } from "./request.ts";
import { costModelOf, limitsOf, unansweredMsOf, spanOf } from "./tag.ts";
import { writeHoldOf, type WriteHold } from "./write-cost.ts";

/** What is in a table, in the words of the specification (Modbus V1.1b3 §4.3). */
const contents: Readonly<Record<Table, string>> = {
  coil: "coils",
  discrete: "discrete inputs",
  holding: "holding registers",
  input: "input registers",
};

/** One device's tags, planned: shared by the plan's text and the load's arithmetic. */
interface PlannedDevice {
  readonly mapping: ModbusDevice;
  readonly cost: CostModel;
  readonly groups: readonly PollGroup[];
  /** The requests for the tags of some groups, planned together. */
  readonly requests: (groups: readonly PollGroup[]) => readonly ReadRequest<ModbusTag>[];
  /** Reckoned bus time of those, in ms. */
  readonly costMs: (groups: readonly PollGroup[]) => number;
}

/**
 * What would be sent, a bus at a time. Devices with the same host and port share a bus. Poll groups are listed each
 * by itself; where several are due at the same time their tags are read together, and the load takes that into account.
 */
export function planModbus(devices: readonly ModbusDevice[]): BusPlan[] {
  const buses = new Map<string, PlannedDevice[]>();
  for (const device of devices) {
    const key = busOf(device);
    const members = buses.get(key) ?? [];
    members.push(plannedDevice(device));
    buses.set(key, members);
  }
  return [...buses].map(([bus, members]) => planBus(bus, members));
}

/** Such as `FC 3 read holding registers 40..57 (18)`. */
function describeRequest({ table, start, length }: Omit<ReadRequest<unknown>, "tags">): string {
  const range = length === 1 ? `${start}` : `${start}..${start + length - 1}`;
  return `FC ${readCodeOf(table)} read ${contents[table]} ${range} (${length})`;
}

/** Such as `tcp 10.0.0.7:502` or `rtu /dev/ttyUSB0 19200 8E1`. */
function busOf({ connection }: ModbusDevice): string {
  const [transport, ...settings] = lineOf(connection).split(" ");
  return [transport, endpointOf(connection), ...settings].join(" ");
}

function plannedDevice(mapping: ModbusDevice): PlannedDevice {
  const cost = costModelOf(mapping.connection, mapping.options);
  const limits = limitsOf(mapping.options);
  const groups = groupsOf(mapping.tags.map(({ poll }) => ({ group: poll })));
  const requests = (due: readonly PollGroup[]): readonly ReadRequest<ModbusTag>[] => {
    const names = new Set(due.map((group) => group.name));
    const tags = mapping.tags.filter(({ poll }) => poll !== undefined && names.has(poll.name));
    return planReads(tags.map(spanOf), limits, cost);
  };
  return {
    mapping,
    cost,
    groups: groups.sort((one, other) => one.interval - other.interval),
    requests,
    costMs: (due) => requests(due).reduce((total, request) => total + costOf(request, cost), 0),
  };
}

function planBus(bus: string, devices: readonly PlannedDevice[]): BusPlan {
  let answeredMs = 0;
  const rates = devices.map(({ groups, requests, cost }) => {
    const amount = (due: readonly PollGroup[]) => {
      const sent = requests(due);
      for (const request of sent) answeredMs = Math.max(answeredMs, costOf(request, cost));
      return sent.length;
    };
    return perMillisecond(groups, amount);
  });
  const requestsPerMs = rates.reduce((total, rate) => total + rate, 0);
  const polling = devices.reduce((total, { groups, costMs }) => total + perMillisecond(groups, costMs), 0);
  const turning = devices.reduce((total, device, index) => {
    return total + turningOf(device, requestsPerMs - (rates[index] ?? 0));
  }, 0);
  const load = polling + turning;
  const isShared = devices.length > 1;
  const cycleMs = devices.reduce((total, { groups, costMs, mapping }) => {
    const turned = isShared && groups.length > 0 ? mapping.connection.turnaround : 0;
    return total + costMs(groups) + turned;
  }, 0);
  return {
    bus,
    devices: devices.map(planDevice),
    load,
    requestsPerSecond: 1_000 * requestsPerMs,
    cycleMs,
    ...worstWaitOf(devices, answeredMs),
    warnings: [
      ...devices.flatMap(groupWarnings),
      ...loadWarnings(devices, load, turning),
      ...roundWarnings(devices, load, cycleMs),
    ],
  };
}

/**
 * The share of time that goes by in silence before requests to this unit. A device is asked all that is due in a row, one
 * change of unit each time at most; and there is none where no other unit was asked since the last.
 */
function turningOf({ groups, mapping }: PlannedDevice, othersPerMs: number): number {
  const ticksPerMs = perMillisecond(groups, () => 1);
  return mapping.connection.turnaround * Math.min(ticksPerMs, othersPerMs);
}

/** A request or write that is under way is never interrupted; then the line is silent, and the unit may change. */
function worstWaitOf(devices: readonly PlannedDevice[], readMs: number): Pick<BusPlan, "worstWait"> {
  const polled = devices.filter(({ groups }) => groups.length > 0).map(({ mapping }) => mapping.connection);
  if (polled.length === 0) return {};
  const turnaround = devices.length > 1 ? Math.max(...polled.map((connection) => connection.turnaround)) : 0;
  const silent = Math.max(...polled.map((connection) => unansweredMsOf(connection)));
  const writes = devices.flatMap(({ mapping }) => writeHoldsOf(mapping));
  const answeredMs = Math.max(readMs, ...writes.map((hold) => hold.answeredMs));
  return {
    worstWait: {
      answeredMs: answeredMs + turnaround,
      unansweredMs: Math.max(answeredMs, silent, ...writes.map((hold) => hold.unansweredMs)) + turnaround,
    },
  };
}

/** What may stand in the way beside the polls: each of the device's writes, tag by tag. */
function writeHoldsOf(mapping: ModbusDevice): readonly WriteHold[] {
  return mapping.tags.filter(({ write }) => write !== undefined).map((tag) => writeHoldOf(tag, mapping));
}

function planDevice(device: PlannedDevice): DevicePlan {
  const groups = device.groups.map((group): GroupPlan => {
    const requests = device.requests([group]).map((request): PlannedRequest => {
      return {
        text: describeRequest(request),
        tags: request.tags.map(({ tag }) => tag.name),
        costMs: costOf(request, device.cost),
      };
    });
    return { group: group.name, intervalMs: group.interval, requests };
  });
  return { device: device.mapping.device, groups };
}

/** Groups that could not keep their rate if they had the bus to themselves. */
function groupWarnings(device: PlannedDevice): string[] {
  return device.groups.flatMap((group) => {
    const costs = device.requests([group]).map((request) => costOf(request, device.cost));
    const total = costs.reduce((sum, cost) => sum + cost, 0);
    if (total <= group.interval) return [];
    const longest = Math.max(...costs);
    const { connection } = device.mapping;
    const rate = isSerial(connection) ? ` at ${connection.baud} baud` : "";
    const why =
      longest > group.interval
        ? `one of its requests alone takes ${inMs(longest)}`
        : `its ${costs.length} requests take ${inMs(total)}`;
    return [`${nameOf(device, group)} can't be met: ${why}${rate}.`];
  });
}

/** What is slowed down when the bus has more to do than time: the groups that ask for the most of it come first. */
function loadWarnings(devices: readonly PlannedDevice[], load: number, turning: number): string[] {
  if (load <= 1) return [];
  const shares = devices
    .flatMap((device) =>
      device.groups.map((group) => ({ device, group, share: device.costMs([group]) / group.interval })),
    )
    .sort((one, other) => other.share - one.share);
  const asking = shares
    .slice(0, 5)
    .map(({ device, group, share }) => `${nameOf(device, group)} asks for ${percent(share)}`);
  const rest = shares.length > asking.length ? ` and ${shares.length - asking.length} more` : "";
  const turns = turning > 0 ? `; the changes of unit take ${percent(turning)}` : "";
  return [
    `The bus is asked for ${percent(load)} of its time, so not all rates can be met: ${asking.join(", ")}${rest}${turns}.`,
  ];
}

/** Rates that hold on average, but not when everything on the bus is due at once. */
function roundWarnings(devices: readonly PlannedDevice[], load: number, cycleMs: number): string[] {
  if (load > 1) return [];
  return devices.flatMap((device) =>
    device.groups
      .filter((group) => cycleMs > group.interval)
      .map(
        (group) =>
          `${nameOf(device, group)} may be late at times: a round of the whole bus takes ${inMs(cycleMs)}.`,
      ),
  );
}

function nameOf(device: PlannedDevice, group: PollGroup): string {
  return `${device.mapping.device}: ${group.name} (${formatDuration(ms(group.interval))})`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function inMs(value: number): string {
  return `${Number(value.toPrecision(3))} ms`;
}
