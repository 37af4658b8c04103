import type { Permissive } from "../../adapter-kit/mapping.ts";
import { plainText, type Quality, type TagValue } from "../../domain/reading.ts";
import { refuse } from "./refusal.ts";

/** The last reading of a tag in the gateway, as far as permissives go. */
export interface PermissiveReading {
  readonly value: TagValue | null;
  readonly quality: Quality;
  readonly status?: string | undefined;
}

/** Refuses where one of the permissive tags is not known for good, or says no. All are looked at by their last reading. */
export function checkPermissives(
  requires: readonly Permissive[],
  look: (tag: string) => PermissiveReading | undefined,
  name: string,
): void {
  for (const permissive of requires) {
    const reading = look(permissive.tag);
    if (reading === undefined)
      refuse("permissive", name, `${permissive.tag} must ${demand(permissive)}, and has no reading yet`);
    if (reading.quality !== "good" || reading.value === null) {
      refuse(
        "permissive",
        name,
        `${permissive.tag} must ${demand(permissive)}, and its quality is ${reading.quality} (${reading.status ?? "no value"})`,
      );
    }
    if (holds(permissive, reading.value)) continue;
    refuse(
      "permissive",
      name,
      `${permissive.tag} must ${demand(permissive)}, and is ${plainText(reading.value)}`,
    );
  }
}

function demand({ equals, min, max }: Permissive): string {
  if (equals !== undefined) return `be ${plainText(equals)}`;
  if (min !== undefined && max !== undefined) return `be ${min} to ${max}`;
  return min === undefined ? `be at most ${max}` : `be at least ${min}`;
}

function holds({ equals, min, max }: Permissive, value: TagValue): boolean {
  const number = typeof value === "bigint" ? Number(value) : value;
  if (equals !== undefined) return number === equals;
  if (typeof number !== "number") return false;
  return (min === undefined || number >= min) && (max === undefined || number <= max);
}
