import { expect, test } from "vitest";
import type { Frame } from "../../src/trace/frame.ts";
import { RecordedAnswers } from "./recorded-answers.ts";

const channel = "http://camera/r";
const sent = (t: number, path = "/r"): Frame => ({
  t,
  direction: "sent",
  channel,
  bytes: Buffer.from(`GET ${path} HTTP/1.1\r\nHost: camera\r\n\r\n`),
});
const received = (t: number, status: number, body = "", etag?: string): Frame => {
  const head = [`HTTP/1.1 ${status}`, "Content-Type: application/json"];
  if (etag !== undefined) head.push(`ETag: ${etag}`);
  return { t, direction: "received", channel, bytes: Buffer.from(`${head.join("\r\n")}\r\n\r\n${body}`) };
};
const bodyAt = (answers: RecordedAnswers, t: number) => answers.at("GET", "/r", t)?.answer?.body.toString();

test("a path answers as it did last before that time, with its delay", () => {
  const answers = new RecordedAnswers([
    sent(0),
    received(7, 200, "one"),
    sent(100),
    received(130, 200, "two"),
  ]);
  expect([0, 99, 100, 5_000].map((t) => bodyAt(answers, t))).toEqual(["one", "one", "two", "two"]);
  expect(answers.at("GET", "/r", 100)?.delayMs).toBe(30);
  expect(answers.at("GET", "/other", 0)).toBeUndefined();
  expect(answers.at("POST", "/r", 0)).toBeUndefined();
});

test("what had not changed is answered with what it had not changed from", () => {
  const frames = [sent(0), received(1, 200, "one", '"a"'), sent(10), received(11, 304, "", '"a"')];
  const answers = new RecordedAnswers(frames);
  expect(answers.at("GET", "/r", 10)?.answer).toMatchObject({ status: 200, etag: '"a"' });
  expect(bodyAt(answers, 10)).toBe("one");
});

test("a challenge that was met is no answer, and one that was not is", () => {
  const met = [sent(0), received(1, 401), sent(2), received(3, 200, "one")];
  expect(new RecordedAnswers(met).at("GET", "/r", 0)?.answer?.status).toBe(200);
  const refused = [...met, sent(10), received(11, 401), sent(20), received(21, 401)];
  expect(new RecordedAnswers(refused).at("GET", "/r", 10)?.answer?.status).toBe(401);
});

test("a request that nobody answered is silence then, and the answer after it is its own", () => {
  const answers = new RecordedAnswers([sent(0), sent(2_000), received(2_005, 200, "late")]);
  expect(answers.at("GET", "/r", 0)).toMatchObject({ answer: undefined });
  expect(bodyAt(answers, 2_000)).toBe("late");
  expect(answers.at("GET", "/r", 2_000)?.delayMs).toBe(5);
});
