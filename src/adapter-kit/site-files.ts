/** Secrets and files that a mapping names; relative paths start at the site folder. */
export interface SiteFiles {
  /** What `env:NAME` or `file:PATH` stands for. Rejects with CONFIG_INVALID, which never repeats a secret. */
  secret(reference: string): Promise<string>;
  /** A text file, such as a certificate in PEM. Rejects with CONFIG_INVALID where it can't be read. */
  text(path: string): Promise<string>;
  /** Absolute: a folder for what protocols keep between lives, such as certificates; may not be there yet. */
  readonly folder: string;
}
