import { hubPasswords, type HubServer } from "../fixture/hub.ts";
import type { Way } from "./settings.ts";

/** By the way: the gateway as docs/hub.md has it, and the line to the hub that it goes through. */
export const ends = {
  leaf: {
    line: "line1",
    password: hubPasswords.LINE1_GW_PASSWORD,
    through: ({ line }: HubServer) => line,
    hub: (ports: readonly number[]) =>
      `leaf: "${ports.map((port) => `nats-leaf://127.0.0.1:${port}`).join(",")}"`,
  },
  forwarder: {
    line: "line3",
    password: hubPasswords.LINE3_GW_PASSWORD,
    through: ({ clientLine }: HubServer) => clientLine,
    hub: (ports: readonly number[]) => `url: "${ports.map((port) => `nats://127.0.0.1:${port}`).join(",")}"`,
  },
} as const;

/** The folder of a site with a device that counts, an alert and durable messages. */
export const site = (
  ports: { readonly mqtt: number; readonly nats: number },
  { line, password, hub, through }: (typeof ends)[Way],
  hubs: readonly HubServer[],
) => ({
  "gateway.yaml": `
gateway: ${line}-gw
site: plant1/stamping/${line}
broker: { listen: "127.0.0.1:${ports.mqtt}" }
nats: { embedded: { listen: "127.0.0.1:${ports.nats}", maxBytes: 48MB } }
http: { listen: 127.0.0.1:0 }
hub: { ${hub(hubs.map((one) => through(one).port))}, user: ${line}-gw, password: "file:hub-password" }
upload: { batch: { maxAge: 500ms } }
`,
  "hub-password": password,
  "devices/counter.yaml": `
device: counter
adapter: mqtt
connection: { clientId: counter }
tags:
  n: { address: counter/state, pointer: /n, type: int, upload: raw }
  sale: { address: counter/sale, type: json, durable: { id: /id } }
  value: { address: counter/state, pointer: /value, type: int, upload: { onChange: 0 } }
`,
  "alerts.yaml": `
alerts:
  high: { message: "The value is \${value}", when: { tag: counter/value, above: 50 }, acknowledge: false }
`,
});
