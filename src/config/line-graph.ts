import type { StationConfig } from "./line.ts";

/** Loops of stations that wait for each other and can never start, each once, in the order of the waiting. */
export function deadLoops(stations: readonly StationConfig[]): readonly (readonly string[])[] {
  const byName = new Map(stations.map((station) => [station.name, station]));
  const starting = new Set(stations.filter(({ after }) => after === undefined).map(({ name }) => name));
  const isOpen = ({ after }: StationConfig, from: string) =>
    (after?.initial[from] ?? 0) > 0 || starting.has(from) || !byName.has(from);
  for (let before = -1; before !== starting.size;) {
    before = starting.size;
    for (const station of stations) {
      const { name, after } = station;
      if (after === undefined) continue;
      const open = after.stations.filter((from) => isOpen(station, from)).length;
      if (after.mode === "all" ? open === after.stations.length : open > 0) starting.add(name);
    }
  }
  const waitsFor = (name: string) => {
    const station = byName.get(name);
    return station?.after?.stations.filter((from) => !isOpen(station, from)) ?? [];
  };
  return loops(
    stations.map(({ name }) => name).filter((name) => !starting.has(name)),
    waitsFor,
  );
}

/** Loops of stations of which none waits for anything from outside: a part in one would go round without end. */
export function endlessLoops(stations: readonly StationConfig[]): readonly (readonly string[])[] {
  const through = stations.filter(({ complete, confirm }) => complete === undefined && confirm === undefined);
  const names = new Set(through.map(({ name }) => name));
  const afters = new Map(through.map(({ name, after }) => [name, after?.stations ?? []]));
  return loops([...names], (name) => (afters.get(name) ?? []).filter((from) => names.has(from)));
}

/** Follows the first way from each name that leads on; each loop that is met is given once. */
function loops(
  names: readonly string[],
  next: (name: string) => readonly string[],
): readonly (readonly string[])[] {
  const found: string[][] = [];
  const seen = new Set<string>();
  const follow = (name: string, path: readonly string[]): void => {
    const at = path.indexOf(name);
    if (at >= 0) found.push(path.slice(at));
    if (seen.has(name)) return;
    seen.add(name);
    for (const one of next(name)) follow(one, [...path, name]);
  };
  for (const name of names) follow(name, []);
  return found;
}
