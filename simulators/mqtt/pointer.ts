import { pointerPath } from "../../src/adapter-kit/json-pointer.ts";

type Container = Record<string, unknown> | unknown[];

function isContainer(value: unknown): value is Container {
  return typeof value === "object" && value !== null;
}

function child(container: Container, token: string): unknown {
  return Array.isArray(container) ? container[Number(token)] : container[token];
}

function put(container: Container, token: string, value: unknown): void {
  if (Array.isArray(container)) container[Number(token)] = value;
  else container[token] = value;
}

/** The document with a value at the pointer; what is missing on the way is made, an array where a token is a number. */
export function withPointer(document: unknown, pointer: string, value: unknown): unknown {
  const [first, ...rest] = pointerPath(pointer);
  if (first === undefined) return value;
  const root = isContainer(document) ? document : emptyFor(first);
  let at = root;
  let token = first;
  for (const next of rest) {
    const there = child(at, token);
    const below = isContainer(there) ? there : emptyFor(next);
    put(at, token, below);
    at = below;
    token = next;
  }
  put(at, token, value);
  return root;
}

function emptyFor(token: string): Container {
  return /^\d+$/.test(token) ? [] : {};
}
