import { expect, onTestFinished, test } from "vitest";
import { keptLog, never, noServerHere, testLink, testServer } from "../../nats/testing.ts";
import { PatientLink } from "./patient-link.ts";

test("what is told while NATS is away goes out in order when it is back, the oldest lost beyond a thousand", async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
  const server = await testServer();
  await server.start(never);
  const [sender, hearer] = [testLink(), testLink()];
  const heard: string[] = [];
  hearer.subscribe("line.>", ({ data }) => void heard.push(Buffer.from(data).toString()));
  const target = { url: `nats://127.0.0.1:${server.port}` };
  hearer.start(() => target);
  await expect.poll(() => hearer.state).toBe("connected");
  const log = keptLog();
  const patient = new PatientLink(sender, log);
  for (let n = 1; n <= 1_002; n += 1) patient.publish("line.x", Buffer.from(`${n}`));
  expect(log.lines).toHaveLength(1);
  onTestFinished(() => sender.stop());
  sender.start(() => target);
  await expect.poll(() => heard.length).toBe(1_000);
  patient.publish("line.x", Buffer.from("now"));
  await expect.poll(() => heard.at(-1)).toBe("now");
  expect([heard[0], heard[999]]).toEqual(["3", "1002"]);
});
