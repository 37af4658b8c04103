import type { BusPlan, GroupPlan } from "../adapter-kit/plan.ts";
import { formatDuration, ms } from "../domain/duration.ts";
import { table, type TableColumn } from "./table.ts";

const columns: readonly TableColumn[] = [
  { heading: "DEVICE" },
  { heading: "GROUP" },
  { heading: "EVERY", align: "right" },
  { heading: "REQUEST" },
  { heading: "TAGS", align: "right" },
  { heading: "COST", align: "right" },
];

function milliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`;
}

function groupRows(device: string, plan: GroupPlan): readonly (readonly string[])[] {
  return plan.requests.map((request, index) => [
    index === 0 ? device : "",
    index === 0 ? plan.group : "",
    index === 0 ? formatDuration(ms(plan.intervalMs)) : "",
    request.text,
    `${request.tags.length}`,
    milliseconds(request.costMs),
  ]);
}

function busReport(plan: BusPlan): string {
  const groups = plan.devices.flatMap(({ device, groups }) => groups.map((group) => ({ device, group })));
  const requests = groups.reduce((sum, { group }) => sum + group.requests.length, 0);
  const head =
    `${plan.bus}: ${requests} ${requests === 1 ? "request" : "requests"}, ${plan.requestsPerSecond.toFixed(1)} a second, ` +
    `load ${(plan.load * 100).toFixed(1)} %, one round of all ${milliseconds(plan.cycleMs)}`;
  const { worstWait } = plan;
  const wait =
    worstWait === undefined
      ? []
      : [
          `  a write or event tag waits at most ${milliseconds(worstWait.answeredMs)} for the request under way, ` +
            `${milliseconds(worstWait.unansweredMs)} where a unit is silent`,
        ];
  const rows = groups.flatMap(({ device, group }) => groupRows(device, group));
  const warnings = plan.warnings.map((warning) => `  warning: ${warning}`);
  return [head, ...wait, table(columns, rows, "  "), ...warnings].join("\n");
}

/** What will be sent, bus by bus. `silent`: devices that are asked for nothing. */
export function planReport(buses: readonly BusPlan[], silent: readonly string[]): string {
  const blocks = buses.map(busReport);
  if (silent.length > 0) blocks.push(`Not polled: ${silent.join(", ")}`);
  return blocks.length === 0 ? "No device is polled." : blocks.join("\n\n");
}
