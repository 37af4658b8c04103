import fc from "fast-check";
import { expect, test } from "vitest";
import { RequestQueue, type Queued } from "./request-queue.ts";

interface Job extends Queued {
  readonly name: number;
}

function drain(queue: RequestQueue<Job>): number[] {
  const names: number[] = [];
  for (let job = queue.shift(); job !== undefined; job = queue.shift()) names.push(job.name);
  return names;
}

const jobs = fc.array(
  fc.record({ rank: fc.constantFrom(0 as const, 1 as const, 2 as const), deadline: fc.nat(20) }),
);

test("gives writes in their own order, then event tags, then polls, both by deadline, equal ones in their own order", () => {
  fc.assert(
    fc.property(jobs, fc.array(fc.nat(30)), (pushed, removed) => {
      const named = pushed.map((job, name): Job => ({ ...job, name }));
      const queue = new RequestQueue<Job>();
      for (const job of named) queue.push(job);
      const gone = new Set(removed);
      const leaving = named.filter((job) => gone.has(job.name));
      expect(leaving.map((job) => queue.remove(job))).toEqual(leaving.map(() => true));
      const key = (job: Job) => (job.rank === 0 ? -1 : job.rank * 100 + job.deadline);
      const expected = named
        .filter((job) => !gone.has(job.name))
        .sort((one, other) => key(one) - key(other) || one.name - other.name)
        .map((job) => job.name);
      expect(drain(queue)).toEqual(expected);
    }),
  );
});

test("knows what does not wait in it any more", () => {
  const queue = new RequestQueue<Job>();
  const job: Job = { rank: 1, deadline: 5, name: 1 };
  queue.push(job);
  expect(queue.shift()).toBe(job);
  expect(queue.remove(job)).toBe(false);
  expect(queue.size).toBe(0);
});
