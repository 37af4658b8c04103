import { expect, test, vi } from "vitest";
import { ServerLog } from "./server-log.ts";
import { keptLog } from "./testing.ts";

function piped() {
  const time = { now: 0 };
  const clock = { now: () => 0, monotonic: () => time.now, sleep: async () => undefined };
  const [log, listening, ready] = [
    keptLog(),
    vi.fn<(port: number, what: string) => void>(),
    vi.fn<() => void>(),
  ];
  return { time, log, listening, ready, output: new ServerLog(log, clock, listening, ready) };
}

test("the port and the readiness are heard, however the chunks are cut", () => {
  const { log, listening, ready, output } = piped();
  const text = "[7] [INF] Listening for client connections on [::1]:45491\n[7] [INF] Server is ready\n";
  for (const character of text) output.take(character);
  expect(listening).toHaveBeenCalledExactlyOnceWith(45_491, "clients");
  expect(ready).toHaveBeenCalledOnce();
  expect(log.lines).toEqual([]);
});

test("the port of the monitoring is not taken for that of the clients", () => {
  const { listening, output } = piped();
  output.take("[7] [INF] Starting http monitor on 127.0.0.1:45923\n");
  expect(listening).toHaveBeenCalledExactlyOnceWith(45_923, "monitor");
});

test("warnings and errors reach the log, and the last of them the error of a server that ends", () => {
  const { log, output } = piped();
  output.take("[7] [WRN] slow consumer\n[7] [FTL] no space left\npanic: oh\n");
  expect(log.lines).toEqual([
    'warn slow consumer {"server":"nats-server"}',
    'error no space left {"server":"nats-server"}',
    'error panic: oh {"server":"nats-server"}',
  ]);
  expect(output.tail).toBe("slow consumer; no space left; panic: oh");
});

test("a hub that can't be reached for hours is told once an hour, and why is known", () => {
  const { time, log, output } = piped();
  for (let attempt = 1; attempt <= 7_200; attempt++) {
    time.now = attempt * 1_000;
    output.take(
      `[7] [ERR] Error trying to connect as leafnode to remote server "hub:7422" (attempt ${attempt}): dial tcp 10.0.0.1:7422: connect: connection refused\n`,
    );
  }
  expect(log.lines).toHaveLength(2);
  expect(log.lines[1]).toContain('"untold":3599');
  expect(output.leafFault).toEqual({
    text: "dial tcp 10.0.0.1:7422: connect: connection refused",
    at: 7_200_000,
    isTwin: false,
  });
});

test("what stores nothing more until the server is started anew is known", () => {
  const { output } = piped();
  output.take("[7] [ERR] JetStream failed to store a msg on stream '$G > EVENTS': no space left on device\n");
  expect(output.writeError).toBeUndefined();
  const text = "JetStream stream '$G > EVENTS' critical write error: no space left on device";
  output.take(`[7] [ERR] ${text}\n[7] [ERR] JetStream stream '$G > X' critical write error: later\n`);
  expect(output.writeError).toBe(text);
});

test("a server that complains without end is cut short, and what was left out is counted", () => {
  const { time, log, output } = piped();
  for (let i = 0; i < 1_000; i++) output.take(`[7] [ERR] failed ${i}\n`);
  expect(log.lines).toHaveLength(20);
  time.now = 60_000;
  output.take("[7] [ERR] failed again\n");
  expect(log.lines.slice(20)).toEqual([
    'warn nats-server said more than was logged {"lines":980}',
    'error failed again {"server":"nats-server"}',
  ]);
});

test("a line without an end takes no memory without an end", () => {
  const { output } = piped();
  for (let i = 0; i < 100; i++) output.take("x".repeat(10_000));
  output.take("\n");
  expect(output.tail.length).toBeLessThanOrEqual(4_096);
});

test("what clients do wrong is a warning, each kind once a minute with the number of those before", () => {
  const { time, log, output } = piped();
  const violation = (cid: number) =>
    output.take(
      `[7] [ERR] 127.0.0.1:${50_000 + cid} - cid:${cid} - "v1" - Publish Violation - User "panel", Subject "s.${cid}"\n`,
    );
  for (let cid = 1; cid <= 100; cid++) violation(cid);
  output.take('[7] [ERR] [::1]:5000 - cid:101 - authentication error - User "panel"\n');
  output.take("[7] [ERR] 127.0.0.1:6000 - cid:102 - TLS handshake error: EOF\n");
  expect(log.lines).toHaveLength(3);
  expect(log.lines.every((line) => line.startsWith("warn "))).toBe(true);
  time.now = 60_000;
  violation(103);
  expect(log.lines[3]).toContain('{"server":"nats-server","untold":99}');
  expect(output.tail).toBe("");
});

test("faults of clients of ever new kinds take no memory without an end", () => {
  const { log, output } = piped();
  for (let i = 0; i < 200; i++) output.take(`[7] [ERR] 127.0.0.1:5000 - cid:${i} - oddity ${i} - x\n`);
  const before = log.lines.length;
  output.take("[7] [ERR] 127.0.0.1:5000 - cid:999 - oddity 199 - x\n");
  expect(log.lines).toHaveLength(before);
});
