import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectAsync, type IClientOptions } from "mqtt";
import { expect, onTestFinished, test, vi } from "vitest";
import { WebSocket } from "ws";
import { client, connectPacket, packet, received, startBroker } from "./testing.ts";

const anywhere = { host: "127.0.0.1", port: 0 };
const tls = { cert: "server.pem", key: "server.key" };

/** A folder with a certificate of the given names, each signed by itself. */
function certificates(...names: string[]): string {
  const dir = mkdtempSync(join(tmpdir(), "linegate-tls-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  for (const name of names) {
    const made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    const named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
    const files = ["-keyout", `${name}.key`, "-out", `${name}.pem`];
    execFileSync("/usr/bin/openssl", ["req", "-x509", ...made, ...named, ...files], {
      cwd: dir,
      stdio: "ignore",
    });
  }
  return dir;
}

async function connected(url: string, options: IClientOptions = {}) {
  const mqtt = await connectAsync(url, { reconnectPeriod: 0, connectTimeout: 3_000, ...options }, false);
  onTestFinished(async () => {
    await mqtt.endAsync(true);
  });
  return mqtt;
}

test("MQTT over TLS works, and a client without TLS gets nowhere there", async () => {
  const siteDir = certificates("server");
  const { broker } = await startBroker({ siteDir, config: { tls: { ...tls, listen: anywhere } } });
  const port = broker.addresses.mqtts?.port ?? 0;
  const ca = readFileSync(join(siteDir, "server.pem"));
  const secure = await connected(`mqtts://127.0.0.1:${port}`, { ca });
  const messages = received(secure);
  await secure.subscribeAsync("data/#");
  broker.publish("data/x", "1");
  await vi.waitFor(() => expect(messages).toEqual(["data/x 1"]));
  await expect(client(port)).rejects.toThrow("Couldn't connect to server");
  expect(broker.counters.rejected.tls).toBe(1);
});

test("where a certificate authority is given, only clients with a certificate of its come in", async () => {
  const siteDir = certificates("server", "device");
  const { broker } = await startBroker({
    siteDir,
    config: { tls: { ...tls, ca: "device.pem", listen: anywhere } },
  });
  const url = `mqtts://127.0.0.1:${broker.addresses.mqtts?.port ?? 0}`;
  const read = (name: string) => readFileSync(join(siteDir, name));
  const ca = read("server.pem");
  await expect(connected(url, { ca })).rejects.toThrow(/certificate/i);
  const device = await connected(url, { ca, cert: read("device.pem"), key: read("device.key") });
  expect(device.connected).toBe(true);
});

test("a certificate that can't be read is named", async () => {
  const config = { tls: { ...tls, listen: anywhere } };
  await expect(startBroker({ siteDir: "/nowhere", config })).rejects.toThrow("server.pem");
});

test("MQTT over WebSocket works for large messages both ways", async () => {
  const { broker } = await startBroker({ config: { websocket: { listen: anywhere } } });
  const browser = await connected(`ws://127.0.0.1:${broker.addresses.ws?.port ?? 0}`);
  const messages = received(browser);
  await browser.subscribeAsync("echo");
  const text = "x".repeat(300_000);
  await browser.publishAsync("echo", text, { qos: 1 });
  await vi.waitFor(() => expect(messages).toEqual([`echo ${text}`]));
});

test("MQTT over WebSocket with TLS works", async () => {
  const siteDir = certificates("server");
  const { broker } = await startBroker({ siteDir, config: { websocket: { listen: anywhere, tls } } });
  const ca = readFileSync(join(siteDir, "server.pem"));
  const browser = await connected(`wss://127.0.0.1:${broker.addresses.ws?.port ?? 0}`, { ca });
  expect(browser.connected).toBe(true);
});

/** Opens a bare WebSocket; resolves with `open`, or with the HTTP status that refused it. */
async function knock(port: number, protocol: string, origin?: string) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}`, protocol, origin === undefined ? {} : { origin });
  onTestFinished(() => socket.terminate());
  const outcome = await new Promise<string>((resolve) => {
    socket.once("open", () => resolve("open"));
    socket.once("unexpected-response", (_request, response) => resolve(`${response.statusCode}`));
    socket.on("error", () => undefined);
  });
  return { socket, outcome };
}

test("while nobody has to log in, only pages of this machine come in", async () => {
  const { broker } = await startBroker({ config: { websocket: { listen: anywhere } } });
  const port = broker.addresses.ws?.port ?? 0;
  expect((await knock(port, "mqtt", "http://localhost:3000")).outcome).toBe("open");
  expect((await knock(port, "mqtt", "https://evil.example")).outcome).toBe("403");
  expect((await knock(port, "chat")).outcome).toBe("403");
  expect(broker.counters.rejected.origin).toBe(2);
});

test("what a WebSocket may not send ends it: text, and messages that are too large", async () => {
  const { broker } = await startBroker({
    config: { websocket: { listen: anywhere } },
    limits: { packetBytes: 1_000 },
  });
  const port = broker.addresses.ws?.port ?? 0;
  const publishInText = "0\u0005\u0000\u0001axy";
  for (const message of [publishInText, Buffer.alloc(100_000), Buffer.from([0x30, 0xff, 0x7f])]) {
    const { socket } = await knock(port, "mqtt");
    const ended = new Promise((resolve) => socket.once("close", resolve));
    socket.send(connectPacket("browser"));
    socket.send(message);
    await ended;
  }
  const { socket } = await knock(port, "mqtt");
  const whole = Buffer.concat([connectPacket("browser"), packet({ cmd: "pingreq" })]);
  const answered = new Promise((resolve) => socket.once("message", resolve));
  for (const byte of whole) socket.send(Buffer.from([byte]));
  await answered;
  expect(broker.counters.rejected.packetSize).toBe(1);
});

test("a stop during the start leaves no listener open", async () => {
  const config = { websocket: { listen: anywhere } };
  const { broker } = await startBroker({ config, starts: false });
  const listen = vi.spyOn(Server.prototype, "listen");
  onTestFinished(() => listen.mockRestore());
  const stops: Promise<void>[] = [];
  // While the first one opens, the second is still to come.
  listen.mockImplementationOnce(function (this: Server, ...[options, onListening]: unknown[]) {
    stops.push(broker.stop());
    // The spy is spent: this is the real one.
    return this.listen(options as object, onListening as () => void);
  });
  await broker.start();
  await Promise.all(stops);
  expect(stops).toHaveLength(1);
  expect(listen.mock.contexts.filter((server) => (server as Server).listening)).toEqual([]);
  expect(broker.health().ok).toBe(false);
});

test("a start that fails half-way closes what it opened", async () => {
  const taken = await startBroker();
  const config = { websocket: { listen: taken.broker.addresses.mqtt } };
  const { broker } = await startBroker({ config, starts: false });
  const listen = vi.spyOn(Server.prototype, "listen");
  onTestFinished(() => listen.mockRestore());
  await expect(broker.start()).rejects.toThrow("can't listen");
  expect(listen.mock.contexts.filter((server) => (server as Server).listening)).toEqual([]);
});
