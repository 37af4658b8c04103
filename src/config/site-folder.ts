import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { Mistakes } from "./mistakes.ts";
import type { Source } from "./source.ts";
import { readYaml } from "./yaml-source.ts";

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
  EACCES: "the file may not be read",
  EPERM: "the file may not be read",
  EISDIR: "this is a folder",
};

/** Why a file could not be read, as a message says it. */
function reasonOf(caught: unknown): string {
  const { code } = caught as NodeJS.ErrnoException;
  return code === undefined ? String(caught) : (reasons[code] ?? `the file cannot be read (${code})`);
}

/** Reading a pipe or a device may never end, and nobody means to. */
async function readRegular(path: string): Promise<FileText> {
  const found = await stat(path);
  if (!found.isFile() && !found.isDirectory())
    return { reason: "this is a pipe, a socket or a device, no file" };
  return { text: await readFile(path, "utf8") };
}

export type FileText =
  | { readonly text: string }
  | {
      readonly reason: string;
      /** True where there is no file of that name. */
      readonly absent?: boolean;
    };

/** The files of one site folder; each is read once and remembered as one to be watched, whether it is there or not. */
export class SiteFolder {
  /** Absolute. */
  readonly dir: string;
  readonly #mistakes: Mistakes;
  readonly #texts = new Map<string, Promise<FileText>>();
  readonly #sources = new Map<string, Promise<Source | undefined>>();

  constructor(dir: string, mistakes: Mistakes) {
    this.dir = resolve(dir);
    this.#mistakes = mistakes;
  }

  /** Every file that was looked for, absolute. */
  get files(): readonly string[] {
    return [...this.#texts.keys()].map((file) => join(this.dir, file)).sort();
  }

  /** A path as messages show it, relative to the folder, from one relative to another file of the folder. */
  pathFrom(file: string, target: string): string {
    return relative(this.dir, resolve(this.dir, dirname(file), target))
      .split(sep)
      .join("/");
  }

  /** Names of the entries of a folder below this one; empty where there is none. */
  async list(folder: string): Promise<readonly string[]> {
    const names: string[] = await readdir(join(this.dir, folder)).catch(() => []);
    return names.sort();
  }

  /** The text of a file, named relative to the folder. */
  text(file: string): Promise<FileText> {
    let text = this.#texts.get(file);
    if (text === undefined) {
      text = readRegular(join(this.dir, file)).catch((caught: unknown): FileText => ({
        reason: reasonOf(caught),
        absent: (caught as NodeJS.ErrnoException).code === "ENOENT",
      }));
      this.#texts.set(file, text);
    }
    return text;
  }

  /** A YAML file; its syntax errors become mistakes. Undefined where it is not there or broken. */
  yaml(file: string): Promise<Source | undefined> {
    let source = this.#sources.get(file);
    if (source === undefined) {
      source = this.text(file).then((read) =>
        "text" in read ? readYaml(read.text, file, this.#mistakes) : undefined,
      );
      this.#sources.set(file, source);
    }
    return source;
  }
}
