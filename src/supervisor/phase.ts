/**
 * Where in each poll interval a device's polls stand, in [0, 1): spread evenly by the name alone (FNV-1a), so that
 * devices do not poll at the same instant and an edited mapping moves nobody else's polls.
 */
export function phaseOf(device: string): number {
  let hash = 0x81_1c_9d_c5;
  for (const character of device) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01_00_01_93) >>> 0;
  }
  // FNV's high bits differ little between names that differ in their last digit: mix them once more.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c_1b_3c_6d) >>> 0;
  return ((hash ^ (hash >>> 12)) >>> 0) / 2 ** 32;
}
