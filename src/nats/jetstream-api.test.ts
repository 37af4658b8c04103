import { expect, test } from "vitest";
import { JetStreamApi } from "./jetstream-api.ts";

const made = { created: "2026-01-01T06:00:00.1Z", config: { name: "EVENTS" }, state: { last_seq: 0 } };
const beingMade = { ...made, created: "0001-01-01T00:00:00Z" };
const notFound = { error: { code: 404, err_code: 10_059, description: "stream not found" } };
const config = {
  name: "EVENTS",
  subjects: ["line.>"],
  storage: "file",
  retention: "limits",
  discard: "old",
  max_bytes: 1_000_000,
} as const;

/** A server that gives the answers in their order, the last one again and again; with what it was asked. */
function answering(...answers: readonly object[]): { readonly api: JetStreamApi; readonly asked: string[] } {
  const asked: string[] = [];
  const api = new JetStreamApi(async (subject) => {
    asked.push(subject.split(".")[3] ?? "");
    return Buffer.from(JSON.stringify(answers[Math.min(asked.length, answers.length) - 1]));
  });
  return { api, asked };
}

test("a stream that another gateway is making is looked at until it is made", async () => {
  const { api, asked } = answering(beingMade, beingMade, made);
  expect(await api.streamInfo("EVENTS")).toEqual(made);
  expect(asked).toEqual(["INFO", "INFO", "INFO"]);
});

test("made by two at once, it is the same stream for both", async () => {
  const { api, asked } = answering(beingMade, made);
  expect((await api.createStream(config)).created).toBe(made.created);
  expect(asked).toEqual(["CREATE", "INFO"]);
});

test("a stream whose making failed for the other one is made", async () => {
  const { api, asked } = answering(beingMade, notFound, made);
  expect((await api.createStream(config)).created).toBe(made.created);
  expect(asked).toEqual(["CREATE", "INFO", "CREATE"]);
});

test("one that is not made in time is an error to try again, not a stream of the year 1", async () => {
  await expect(answering(beingMade).api.streamInfo("EVENTS")).rejects.toMatchObject({
    code: "UPLINK_UNAVAILABLE",
    message: "The stream EVENTS is being made",
  });
});
