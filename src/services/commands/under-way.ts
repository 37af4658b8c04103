import { refuse } from "./refusal.ts";

/** More writes than this at once to one device are refused: it answers tens a second, so they would only grow old. */
const mostOfDevice = 256;
/** To all devices together, whatever they hold in memory. */
const mostOfAll = 2_048;

/** Whose a write is: the gateway's own services decide on the line, and have room of their own beside that of all others. */
export type Claimant = "own" | "others";

/** The writes that are under way, so that a flood to one device refuses neither those to another nor the gateway's own. */
export class UnderWay {
  readonly #devices = new Map<string, Record<Claimant, number>>();
  #others = 0;

  /**
   * Counts a write until the function that it gives is called. Throws WRITE_REFUSED (`busy`) where there is no room: the same
   * write may be asked for again a little later.
   *
   * @param name the tag as an operator knows it, such as `press-1/motor/setpoint`
   */
  begin(name: string, claimant: Claimant): () => void {
    const device = name.slice(0, name.indexOf("/"));
    const counts = this.#devices.get(device) ?? { own: 0, others: 0 };
    if (counts[claimant] >= mostOfDevice)
      refuse("busy", name, `${mostOfDevice} writes to ${device} are under way already`);
    if (claimant === "others" && this.#others >= mostOfAll)
      refuse("busy", name, `${mostOfAll} writes are under way already`);
    this.#devices.set(device, counts);
    counts[claimant] += 1;
    if (claimant === "others") this.#others += 1;
    return () => {
      counts[claimant] -= 1;
      if (claimant === "others") this.#others -= 1;
      if (counts.own + counts.others === 0) this.#devices.delete(device);
    };
  }
}
