import type { PollGroup } from "./mapping.ts";

interface Slot {
  readonly name: string;
  readonly interval: number;
  /** Monotonic ms of its next deadline. */
  next: number;
}

/** Deadlines this close together are one. */
const sameInstantMs = 1;

/**
 * When which poll groups are due. Slot n of a group lies at base + n × interval, whatever became of slot n - 1, so
 * nothing drifts. The base is the same for all groups of a device, so that groups whose slots coincide share requests;
 * it differs from device to device by the phase.
 */
export class PollGrid {
  readonly #slots: readonly Slot[];

  /** `phase` is in [0, 1), `now` in monotonic ms; the first deadline of each group comes within one interval. */
  constructor(groups: readonly PollGroup[], phase: number, now: number) {
    const longest = Math.max(0, ...groups.map((group) => group.interval));
    this.#slots = groups.map(({ name, interval }) => {
      const offset = (phase * longest) % interval;
      return { name, interval, next: now + (offset === 0 ? interval : offset) };
    });
  }

  /** Monotonic ms of the next deadline; Infinity without groups. */
  next(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const slot of this.#slots) if (slot.next < next) next = slot.next;
    return next;
  }

  /** The groups due at `now`, each moved on to its next deadline after it; `missed` counts the slots passed over. */
  take(now: number): { readonly due: readonly string[]; readonly missed: number } {
    const due: string[] = [];
    let missed = 0;
    for (const slot of this.#slots) {
      if (slot.next > now + sameInstantMs) continue;
      due.push(slot.name);
      const passed = Math.max(0, Math.floor((now - slot.next) / slot.interval));
      missed += passed;
      slot.next += (passed + 1) * slot.interval;
    }
    return { due, missed };
  }
}

/** The poll groups of some tags, each once, by name. */
export function groupsOf(tags: readonly { readonly group: PollGroup | undefined }[]): PollGroup[] {
  const groups = new Map<string, PollGroup>();
  for (const { group } of tags) if (group !== undefined) groups.set(group.name, group);
  return [...groups.values()];
}
