import {
  formatDuration,
  groupsOf,
  type BusPlan,
  type GroupPlan,
  type PlannedRequest,
} from "../../src/adapter-kit/index.ts";
import type { CameraDevice, HttpPollConnection } from "./mapping.ts";

/** What a small camera takes for an answer, in ms: a guess, for want of anything that its mapping could say. */
const usualAnswerMs = 15;

/** The requests that polled cameras are sent; those that send by themselves are asked for nothing. */
export function planCameras(devices: readonly CameraDevice[]): BusPlan[] {
  return devices.flatMap((device) => {
    const { connection } = device;
    return connection.transport === "http-poll" ? planCamera({ ...device, connection }) : [];
  });
}

function planCamera(device: CameraDevice<HttpPollConnection>): BusPlan[] {
  const groups = groupsOf(device.tags.map(({ poll }) => ({ group: poll }))).map(
    ({ name, interval }): GroupPlan => {
      const tags = device.tags.filter(({ poll }) => poll?.name === name);
      const urls = Map.groupBy(tags, ({ options }) => pathOf(options.url, device));
      const requests = [...urls].map(([path, asked]): PlannedRequest => ({
        text: `GET ${path}`,
        tags: asked.map((tag) => tag.name),
        costMs: usualAnswerMs,
      }));
      return { group: name, intervalMs: interval, requests };
    },
  );
  if (groups.length === 0) return [];
  const perMs = groups.reduce((sum, { requests, intervalMs }) => sum + requests.length / intervalMs, 0);
  const all = new Set(groups.flatMap(({ requests }) => requests.map(({ text }) => text)));
  const { timeout, url } = device.connection;
  return [
    {
      bus: `http ${new URL(url).host}`,
      devices: [{ device: device.device, groups }],
      load: perMs * usualAnswerMs,
      requestsPerSecond: perMs * 1_000,
      cycleMs: all.size * usualAnswerMs,
      warnings: groups
        .filter(({ intervalMs }) => intervalMs < usualAnswerMs)
        .map(
          ({ group, intervalMs }) =>
            `${device.device} ${group}: few cameras answer every ${intervalMs} ms. Slots that the camera misses are counted as overruns; it has ${formatDuration(timeout)} for an answer.`,
        ),
    },
  ];
}

function pathOf(url: string | undefined, { connection }: CameraDevice<HttpPollConnection>): string {
  return new URL(url ?? connection.url, connection.url).pathname;
}
