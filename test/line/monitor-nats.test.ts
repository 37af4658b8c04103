import { hash } from "bcrypt";
import { expect, onTestFinished, test } from "vitest";
import { Authority } from "../../simulators/camera/authority.ts";
import { ModbusSimulator } from "../../simulators/modbus/server.ts";
import { linegate, linesOf, startLinegate } from "../../src/cli/testing.ts";
import { noServerHere } from "../../src/nats/testing.ts";
import { runGateway } from "../fixture/running-gateway.ts";
import { pressFile, SiteFolder } from "../fixture/site-folder.ts";

const gatewayFile = (nats: string, users = "") => `
gateway: test-gw
site: plant1/line1
broker: { listen: 127.0.0.1:0 }
nats: { embedded: { listen: 127.0.0.1:0, maxBytes: 64MB${nats} } }
http: { listen: 127.0.0.1:0 }
${users}
`;

/** A gateway on a press, and the address of its nats-server. */
async function onPress(files: Readonly<Record<string, string>>) {
  const press = await ModbusSimulator.start();
  onTestFinished(() => press.refuse());
  press.unit().holding.set(100, 900);
  const folder = new SiteFolder({ "devices/press-1.yaml": pressFile("press-1", press.port), ...files });
  const { gateway, reading } = await runGateway(folder);
  await reading(({ path, quality }) => path.topic.endsWith("motor/setpoint") && quality === "good");
  return { folder, press, nats: gateway.addresses.nats };
}

/** Monitoring until the test ends; `lines` are those that are whole. */
function monitoring(...args: readonly string[]) {
  const { child, ended, said } = startLinegate("monitor", ...args, "--gateway", "--json");
  const lines = () => linesOf(said.stdout.slice(0, said.stdout.lastIndexOf("\n") + 1));
  const end = async () => {
    child.kill("SIGINT");
    return ended;
  };
  return { lines, end, said };
}

const setpoint = { device: "press-1", tag: "motor/setpoint", value: 900, quality: "good", unit: "rpm" };

test("over NATS the last readings come first, then changes, and what became of a device", async (ctx) => {
  const missing = await noServerHere();
  if (missing !== undefined) ctx.skip(missing);
  const { folder, press, nats } = await onPress({});
  const { lines, end } = monitoring(folder.dir, "--broker", nats);
  await expect.poll(lines).toContainEqual(expect.objectContaining(setpoint));
  await expect
    .poll(lines)
    .toContainEqual({ device: "press-1", state: expect.objectContaining({ state: "online" }) as unknown });
  press.unit().holding.set(100, 901);
  await expect.poll(lines).toContainEqual(expect.objectContaining({ ...setpoint, value: 901 }));
  await press.refuse();
  await expect
    .poll(lines)
    .toContainEqual({ device: "press-1", state: expect.objectContaining({ state: "offline" }) as unknown });
  expect(await end()).toMatchObject({ code: 0, stderr: "" });

  // Nothing is said any more: what there is comes from the stream.
  const late = monitoring(folder.dir, "--broker", nats);
  const lost = { device: "press-1", tag: "motor/setpoint", value: null, status: "DeviceOffline" };
  await expect.poll(late.lines).toContainEqual(expect.objectContaining(lost));
  expect(await late.end()).toMatchObject({ code: 0, stderr: "" });
});

test("over NATS with a password and TLS by an own authority; a stranger is told what is missing", async (ctx) => {
  const missing = await noServerHere();
  if (missing !== undefined) ctx.skip(missing);
  const plant = new Authority("Plant CA");
  const { key, cert } = plant.issue({ names: ["127.0.0.1"] });
  const users = `users: { viewer: { passwordHash: "${await hash("let me in", 4)}", read: [data/#, state/#] } }`;
  const { folder, nats } = await onPress({
    "gateway.yaml": gatewayFile(", tls: { cert: server.pem, key: server.key }", users),
    "server.pem": cert,
    "server.key": key,
    "ca.pem": plant.cert,
    "viewer.password": "let me in",
  });
  const who = ["--user", "viewer", "--password", `file:${folder.dir}/viewer.password`];
  const address = nats.replace(/^\w+:/, "tls:");
  const ca = ["--ca", `${folder.dir}/ca.pem`];
  const { lines, end } = monitoring(folder.dir, "--broker", address, ...who, ...ca);
  await expect.poll(lines).toContainEqual(expect.objectContaining(setpoint));
  expect(await end()).toMatchObject({ code: 0, stderr: "" });

  const monitor = ["monitor", folder.dir, "--gateway", "--broker", address];
  const [noFile, ...strangers] = await Promise.all([
    linegate(...monitor, "--ca", "/no/ca.pem"),
    linegate(...monitor, ...ca),
    linegate(...monitor, ...who),
  ]);
  expect(noFile?.stderr).toContain("--ca: /no/ca.pem can't be read");
  for (const { code, stderr } of strangers) {
    expect(code).toBe(1);
    expect(stderr).toContain("--user and --password");
  }
});

test("a device that connects to a broker is not looked for at nats-server, and it says so", async () => {
  const folder = new SiteFolder({
    "devices/agv-1.yaml":
      "device: agv-1\nadapter: mqtt\nconnection: {}\ntags: { charge: { address: agv/1/state } }\n",
  });
  const { code, stderr } = await linegate(
    "read",
    `${folder.dir}/devices/agv-1.yaml`,
    "--broker",
    "nats://127.0.0.1:1",
  );
  expect(code).toBe(1);
  expect(stderr).toContain("is no MQTT broker");
});
