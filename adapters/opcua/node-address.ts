/** The namespace of an id: by URI, which is stable, or by index, which is good for one connection only. */
export type Namespace = { readonly uri: string } | { readonly index: number };

/** A node id as a mapping names it, OPC UA Part 6 §5.3.1.10: `nsu=URI;s=…`, `ns=2;i=…`, `i=85`. */
export interface NodeAddress {
  readonly namespace: Namespace;
  readonly kind: "i" | "s" | "g" | "b";
  readonly value: string;
}

/** One step of a browse path. */
export interface PathStep {
  readonly namespace: Namespace;
  readonly name: string;
}

const nodeForm = /^(?:ns=(\d+);|nsu=([^;]+);)?([isgb])=(.+)$/s;
const guidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const base64Form = /^[A-Za-z0-9+/]+={0,2}$/;

/** Undefined where the text is no node id. `%3B` and `%25` in a URI stand for `;` and `%`. */
export function parseNodeAddress(text: string): NodeAddress | undefined {
  const [, index, uri, kind, value] = nodeForm.exec(text.trim()) ?? [];
  if (value === undefined || (kind !== "i" && kind !== "s" && kind !== "g" && kind !== "b")) return undefined;
  if (kind === "i" && !(/^\d+$/.test(value) && Number(value) <= 0xffff_ffff)) return undefined;
  if (kind === "g" && !guidForm.test(value)) return undefined;
  if (kind === "b" && !base64Form.test(value)) return undefined;
  const namespace =
    uri === undefined
      ? { index: Number(index ?? 0) }
      : { uri: uri.replaceAll("%3B", ";").replaceAll("%25", "%") };
  if ("index" in namespace && namespace.index > 0xffff) return undefined;
  return { namespace, kind, value };
}

export function formatNodeAddress({ namespace, kind, value }: NodeAddress): string {
  if ("uri" in namespace)
    return `nsu=${namespace.uri.replaceAll("%", "%25").replaceAll(";", "%3B")};${kind}=${value}`;
  return namespace.index === 0 ? `${kind}=${value}` : `ns=${namespace.index};${kind}=${value}`;
}

/** One `<nsu=URI>name`, `2:name` or `name` after each `/`; `&` takes the meaning from the character behind it. */
const stepForm = /\/(?:<nsu=([^>]+)>|(\d+):)?((?:&.|[^/&])+)/gs;

/**
 * A browse path from the Root folder, in the manner of OPC UA Part 4 Annex A.2: `/Objects/2:Press/2:Pressure`, or
 * `/Objects/<nsu=http://example.com/line>Press`. Undefined where the text is none.
 */
export function parseBrowsePath(text: string): readonly PathStep[] | undefined {
  const steps: PathStep[] = [];
  let end = 0;
  for (const match of text.matchAll(stepForm)) {
    if (match.index !== end) return undefined;
    end += match[0].length;
    const [, uri, index, name = ""] = match;
    const namespace = uri === undefined ? { index: Number(index ?? 0) } : { uri };
    if ("index" in namespace && namespace.index > 0xffff) return undefined;
    steps.push({ namespace, name: name.replaceAll(/&(.)/gs, "$1") });
  }
  return end === text.length && steps.length > 0 ? steps : undefined;
}

/** True where it hangs on a namespace index of the server's own, which changes with its configuration. */
export function isUnstable(namespace: Namespace): boolean {
  return "index" in namespace && namespace.index > 1;
}
