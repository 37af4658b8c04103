import * as z from "zod";
import { byteSizeField, durationField, listenField, secretField } from "../adapter-kit/schema.ts";
import { isPath, isSegment, segmentForm } from "../domain/tag-path.ts";
import { uploadsField } from "./upload-schema.ts";
import { waitField } from "./wait-field.ts";

export type { ListenAddress } from "../domain/listen-address.ts";

const tlsField = z
  .strictObject({
    cert: z.string().describe("PEM file with the certificate, and the chain where there is one"),
    key: z.string().describe("PEM file with the private key"),
    ca: z
      .string()
      .optional()
      .describe("PEM file; where it is given, clients must show a certificate signed by it"),
  })
  .describe("TLS for this listener; paths are relative to the site folder");

const brokerField = z
  .strictObject({
    listen: listenField.prefault("127.0.0.1:1883").describe("Where MQTT clients connect"),
    tls: tlsField.extend({ listen: listenField }).optional().describe("A second listener, with TLS"),
    websocket: z
      .strictObject({ listen: listenField, tls: tlsField.optional() })
      .optional()
      .describe("A listener for MQTT over WebSocket, for browsers"),
    limits: z
      .strictObject({
        connections: z.int().min(1).default(256).describe("Clients connected at once"),
        packetSize: byteSizeField.prefault("1MB").describe("The largest MQTT packet taken from a client"),
        messagesPerSecond: z
          .int()
          .min(1)
          .default(2_000)
          .describe("Messages taken from one client each second"),
        pendingBytes: byteSizeField
          .prefault("4MB")
          .describe("Bytes waiting for one slow client before it is disconnected"),
      })
      .prefault({}),
  })
  .describe("The MQTT broker inside the gateway");

const natsField = z
  .strictObject({
    embedded: z
      .strictObject({
        listen: listenField.prefault("127.0.0.1:4222").describe("Where line services connect"),
        store: z.string().default("./data").describe("Folder for JetStream, relative to the site folder"),
        maxBytes: byteSizeField.prefault("4GB").describe("The most that JetStream may keep on disk"),
        tls: tlsField.optional(),
        server: z.string().optional().describe("Path of the nats-server to run, where it is not on PATH"),
      })
      .prefault({})
      .describe("A nats-server that the gateway starts and looks after: the default, unless there is a url"),
    url: z
      .string()
      .optional()
      .describe("A nats-server that somebody else runs, such as nats://10.0.0.5:4222"),
    user: z.string().optional(),
    password: secretField.optional(),
    credentials: z.string().optional().describe("A NATS .creds file"),
    ca: z.string().optional().describe("PEM file with the certificate authority of the server at `url`"),
    latestBytes: byteSizeField
      .prefault("64MB")
      .describe("The most memory that the stream LATEST may take in nats-server"),
  })
  .describe("Where readings go: an embedded nats-server (the default) or one at `url`");

const topicFilters = z.array(z.string().min(1)).default([]);

const hubField = z
  .strictObject({
    leaf: z
      .string()
      .optional()
      .describe(
        "The hub's leaf node listener, such as nats-leaf://hub.example:7422; of a cluster all of them, with commas between",
      ),
    url: z
      .string()
      .optional()
      .describe(
        "In place of leaf, where none is allowed: the hub's listener for clients, such as nats://hub.example:4222, to which the gateway forwards its streams; of a cluster all of them",
      ),
    domain: z
      .string()
      .refine(isSegment, `expected ${segmentForm}`)
      .default("hub")
      .describe("With leaf: the hub's JetStream domain; the gateway's own is its name"),
    user: z.string().optional().describe("Who the gateway is at the hub, where it has no credentials file"),
    password: secretField.optional(),
    credentials: z.string().optional().describe("A NATS .creds file"),
    ca: z
      .string()
      .optional()
      .describe("PEM file with the certificate authority of the hub; without it the system's are taken"),
    cert: z
      .string()
      .optional()
      .describe("PEM file with the gateway's own certificate, where the hub asks for one"),
    key: z.string().optional().describe("PEM file with the private key of `cert`"),
    accept: z
      .array(z.enum(["mappings", "files", "gateway", "commands"]))
      .default([])
      .describe(
        "What the hub may do here: put mappings, put data below files/, put gateway.yaml itself with its users, send commands. docs/hub.md",
      ),
    live: topicFilters.describe(
      "With url: readings and states that are sent to the hub as they are said, as MQTT filters, such as data/#",
    ),
    trial: durationField
      .refine((span) => span >= 5_000, "expected at least 5s")
      .prefault("5m")
      .describe(
        "A change put by the hub is taken back where the hub is not reached within this time after it",
      ),
    maxBytes: byteSizeField
      .prefault("64MB")
      .describe("The most that the hub may put at once, all files together"),
  })
  .describe("The cloud or plant cluster, which takes what the gateway has collected. docs/hub.md");

const userField = z
  .strictObject({
    passwordHash: z
      .string()
      .regex(
        /^\$2[aby]\$(0[4-9]|1[0-4])\$.{53}$/,
        "expected a bcrypt hash of cost 4 to 14, as `linegate passwd` prints it",
      )
      .optional()
      .describe("bcrypt; absent only for the user `anonymous`"),
    read: topicFilters.describe("Topics that may be subscribed to, as MQTT filters, such as data/#"),
    publish: topicFilters.describe("Topics that may be published to as device data, such as agv/+/state"),
    service: z
      .enum(["scheduling", "alerting"])
      .optional()
      .describe(
        "On NATS this user is the process of this service (`linegate service`), which may publish on the subjects of `publish` too",
      ),
    write: topicFilters.describe(
      "Topics below cmd/ that may be written to, such as cmd/plant1/line1/press-1/#",
    ),
    exchange: z
      .strictObject({
        publish: topicFilters.describe("Where it may publish, such as drive/objects"),
        read: topicFilters.describe("Where it may subscribe, and answer what it is asked"),
      })
      .optional()
      .describe(
        "Subjects of the site's own programs on the embedded nats-server, as filters: what they tell each other. The hub can't publish there",
      ),
  })
  .describe("A user of the broker, of NATS and of the HTTP listener, and what it may do");

/** `gateway.yaml`. */
export const gatewaySchema = z.strictObject({
  gateway: z
    .string()
    .refine(isSegment, `expected ${segmentForm}`)
    .describe("The name of this gateway, unique over all of them"),
  site: z
    .string()
    .refine(isPath, `expected segments of ${segmentForm}, joined by /`)
    .describe("The gateway's place, such as plant1/stamping/line1; every topic and subject carries it"),
  broker: brokerField.prefault({}),
  nats: natsField.prefault({}),
  hub: hubField.optional(),
  http: z
    .strictObject({ listen: listenField.prefault("127.0.0.1:9464") })
    .prefault({})
    .describe("Where /healthz, /metrics and /frames are served"),
  trace: z
    .strictObject({
      maxBytes: byteSizeField
        .refine((size) => size === 0 || (size >= 65_536 && size <= 67_108_864), {
          error: "expected 64KiB to 64MiB, or 0B for none",
        })
        .prefault("1MB")
        .describe("Memory for the last raw frames of all devices, and for those set aside at faults"),
    })
    .prefault({})
    .describe("Raw frames kept for looking at a fault afterwards, served at /frames"),
  users: z
    .record(z.string().refine(isSegment, `expected ${segmentForm}`), userField)
    .default({})
    .describe(
      "Who may do what. Without users only loopback listeners are allowed. The user `anonymous` stands for clients without a password",
    ),
  services: z
    .strictObject({
      scheduling: z
        .enum(["inside", "outside"])
        .default("inside")
        .describe("`outside`: not in the gateway but in a process of its own, `linegate service scheduling`"),
      alerting: z
        .enum(["inside", "outside"])
        .default("inside")
        .describe("The same for the alerts, `linegate service alerting`"),
    })
    .prefault({})
    .describe("Where the services that decide for the line run"),
  images: z
    .strictObject({
      bucket: z
        .string()
        .regex(/^[A-Za-z0-9_-]+$/, `expected ${segmentForm}`)
        .default("images")
        .describe("The NATS object store for images. Gateways that share one nats-server need one each"),
      maxBytes: byteSizeField
        .prefault("256MB")
        .describe("The most that images may take on disk, within the store's size; the oldest give way"),
      keep: durationField
        .refine((span) => span >= 1_000, "expected at least 1s")
        .prefault("7d")
        .describe("Images older than this are removed"),
    })
    .prefault({})
    .describe("Where the images of cameras are kept: made with the first image"),
  writes: z
    .strictObject({
      deadline: waitField
        .prefault("2s")
        .describe("A write is answered within this time, one way or the other"),
      confirmWithin: waitField
        .prefault("30s")
        .describe("Where a mapping asks for a confirmation: how long the second request is waited for"),
    })
    .prefault({}),
  audit: z
    .strictObject({
      maxBytes: byteSizeField
        .prefault("256MB")
        .describe("The most that the audit keeps on disk; the oldest segments go first"),
      maxAge: durationField.prefault("400d").describe("How long the audit is kept on disk at most"),
    })
    .prefault({})
    .describe("The trail of everything that was written, or tried to be"),
  outbox: z
    .strictObject({
      maxBytes: byteSizeField
        .refine((size) => size >= 1_000_000, "expected at least 1MB")
        .prefault("1GB")
        .describe("The most that messages may take on disk that NATS has not surely stored yet"),
      whenFull: z
        .enum(["oldest", "newest"])
        .default("oldest")
        .describe("What is lost then: the oldest messages, batches before events, or the newest"),
      events: z
        .strictObject({
          whenFull: z
            .enum(["oldest", "newest"])
            .optional()
            .describe("The same for the stream EVENTS alone; without it what outbox.whenFull says"),
        })
        .prefault({})
        .describe("Alerts, line events, device events and the audit"),
      batches: z
        .strictObject({
          whenFull: z
            .enum(["oldest", "newest", "thin"])
            .optional()
            .describe(
              "The same for BATCHES alone. `thin`: before anything is lost, what comes is uploaded in coarser windows; where even that does not fit, the oldest give way",
            ),
          thinFrom: z
            .number()
            .min(1)
            .max(99)
            .default(50)
            .describe("With thin: from how many per cent full on; ends ten per cent below"),
          thinTo: durationField
            .refine((span) => span >= 1_000 && span <= 86_400_000, "expected 1s to 1d")
            .prefault("1m")
            .describe("With thin: the length of those windows"),
        })
        .prefault({})
        .describe("Batches of readings"),
    })
    .prefault({})
    .describe("Where events and batches wait for NATS"),
  offline: z
    .strictObject({
      alerts: z
        .boolean()
        .default(true)
        .describe("The gateway's own alerts, gateway-hub-away and others; false: those of alerts.yaml alone"),
      full: z
        .number()
        .min(1)
        .max(99)
        .default(70)
        .describe("An alert is raised when so many per cent of the room are taken by what was not sent yet"),
      left: durationField
        .prefault("8h")
        .describe(
          "And when, NATS or the hub being away, the room is full in less than this at the present rate",
        ),
      hubAway: durationField
        .prefault("15m")
        .describe("An alert is raised when the hub has been away for this long"),
    })
    .prefault({})
    .describe("When the gateway itself raises an alert because what it has collected can't be sent"),
  upload: uploadsField.prefault({}),
});

/** `gateway.yaml`, checked, defaults filled in. */
export type GatewayConfig = z.output<typeof gatewaySchema>;
export type BrokerConfig = GatewayConfig["broker"];
export type NatsConfig = GatewayConfig["nats"];
export type ServicesConfig = GatewayConfig["services"];
export type HubConfig = NonNullable<GatewayConfig["hub"]>;
export type ImagesConfig = GatewayConfig["images"];
export type UserConfig = GatewayConfig["users"][string];
export type TlsConfig = NonNullable<BrokerConfig["tls"]>;
