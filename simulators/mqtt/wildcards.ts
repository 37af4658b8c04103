/** What fills each `+` of a simulated device's topics, and a `#` at the end. */
const fillings = ["1", "2", "3"];

/** The ways to fill the wildcards of a topic filter: one list of levels an instance; a filter without any has one. */
export function instancesOf(filter: string): readonly (readonly string[])[] {
  const wildcards = filter.split("/").filter((level) => level === "+" || level === "#").length;
  if (wildcards === 0) return [[]];
  // The last wildcard varies; the ones before it stay at the first filling: a few instances, not their product.
  return fillings.map((last) => [...Array.from({ length: wildcards - 1 }, () => fillings[0] ?? ""), last]);
}

/** A tag's name (`shelf/{1}/stock`) or a topic filter (`store/shelf/+/stock`) with its wildcards filled. */
export function filledIn(template: string, levels: readonly string[]): string {
  let next = 0;
  return template
    .split("/")
    .map((level) => (level === "+" || level === "#" ? (levels[next++] ?? level) : level))
    .join("/")
    .replaceAll(/\{(\d+)\}/g, (whole, number: string) => levels[Number(number) - 1] ?? whole);
}
