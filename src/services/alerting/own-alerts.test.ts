import { expect, test } from "vitest";
import { alertsSchema } from "../../config/alerts-schema.ts";
import { gatewaySchema } from "../../config/gateway-schema.ts";
import { toAlerts } from "../../config/read-alerts.ts";
import { ms } from "../../domain/duration.ts";
import { after, press, station } from "../scheduling/testing.ts";
import { ownAlerts, withOwnAlerts } from "./own-alerts.ts";

const config = (more: object = {}) => gatewaySchema.parse({ gateway: "gw", site: "plant1", ...more });
const names = (more?: object) => ownAlerts(config(more)).map(({ name }) => name);

test("there are alerts with no file at all, those of a hub where there is one, and none where that is said", () => {
  const usual = [
    "gateway-nats-away",
    "gateway-store-refused",
    "gateway-state-lost",
    "gateway-store-filling",
    "gateway-messages-lost",
  ];
  expect(names()).toEqual(usual);
  expect(names({ hub: { url: "nats://hub:4222" } })).toContain("gateway-hub-away");
  expect(names({ outbox: { batches: { whenFull: "thin" } } })).toContain("gateway-thinned");
  expect(names({ offline: { alerts: false } })).toEqual([]);
  expect(withOwnAlerts({}, [])).toBeUndefined();
});

test("without a file floods and chatter are what a file leaves them to be", () => {
  const empty = toAlerts(alertsSchema.parse({ alerts: {} }));
  expect(withOwnAlerts({}, ownAlerts(config()))).toEqual({ ...empty, alerts: ownAlerts(config()) });
});

test("an alert of the site takes the place of the one of that name", () => {
  const entry = { message: "Ours", when: { tag: "gateway/forward/fill", above: 20 } };
  const site = toAlerts(alertsSchema.parse({ alerts: { "gateway-store-filling": entry } }));
  const both = withOwnAlerts({ alerts: site }, ownAlerts(config()))?.alerts ?? [];
  expect(both.filter(({ name }) => name === "gateway-store-filling")).toEqual(site.alerts);
  expect(both).toHaveLength(names().length);
});

test("a line with a latency contract has an alert for its breach, and no other line has one", () => {
  const weld = station("weld", after("press"));
  const line = (within?: number) => ({
    stations: [press, { ...weld, ...(within === undefined ? {} : { within: ms(within) }) }],
  });
  const late = (site: Parameters<typeof withOwnAlerts>[0], own = ownAlerts(config())) =>
    withOwnAlerts(site, own)?.alerts.find(({ name }) => name === "gateway-line-late");
  expect(late({ line: line() })).toBeUndefined();
  expect(late({ line: line(50) })?.when).toEqual({
    kind: "any",
    of: [
      {
        kind: "count",
        of: { kind: "line", station: "weld", event: "late" },
        atLeast: 1,
        within: 600_000,
      },
    ],
  });
  const site = toAlerts(alertsSchema.parse({ alerts: {} }));
  expect(late({ line: line(50), alerts: site }, ownAlerts(config({ offline: { alerts: false } })))).toBe(
    undefined,
  );
});
