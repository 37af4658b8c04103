import { expect, test, vi } from "vitest";
import { SharedAttempt } from "./shared-attempt.ts";

const never = new AbortController().signal;

/** An attempt that ends when told to, or rejects when aborted. */
function attempts() {
  const { promise, resolve } = Promise.withResolvers<string>();
  const attempt = vi.fn<(signal: AbortSignal) => Promise<string>>((signal) => {
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => reject(signal.reason));
    return Promise.race([promise, aborted]);
  });
  return { attempt, resolve };
}

test("makes one attempt for all who wait, and the next one anew", async () => {
  const shared = new SharedAttempt<string>();
  const { attempt, resolve } = attempts();
  const waiting = [shared.join(attempt, never), shared.join(attempt, never)];
  resolve("open");
  expect(await Promise.all(waiting)).toEqual(["open", "open"]);
  expect(attempt).toHaveBeenCalledTimes(1);
  await shared.join(attempt, never);
  expect(attempt).toHaveBeenCalledTimes(2);
});

test("goes on while one still waits, and is aborted with the last", async () => {
  const shared = new SharedAttempt<string>();
  const { attempt } = attempts();
  const [one, other] = [new AbortController(), new AbortController()];
  const waiting = [shared.join(attempt, one.signal), shared.join(attempt, other.signal)];
  const settled = Promise.allSettled(waiting);
  one.abort();
  await expect(waiting[0]).rejects.toMatchObject({ name: "AbortError" });
  expect(attempt.mock.calls[0]?.[0].aborted).toBe(false);
  other.abort();
  await settled;
  expect(attempt.mock.calls[0]?.[0].aborted).toBe(true);
});

test("tells all who wait of the failure", async () => {
  const shared = new SharedAttempt<string>();
  const { attempt } = attempts();
  const waiting = [shared.join(attempt, never), shared.join(attempt, never)];
  shared.abort(new DOMException("closed", "AbortError"));
  for (const result of await Promise.allSettled(waiting)) expect(result.status).toBe("rejected");
});
