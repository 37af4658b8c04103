import { printable } from "./printable.ts";

/** One column of a table: its heading, and on which side its cells stand. */
export interface TableColumn {
  readonly heading: string;
  readonly align?: "left" | "right";
}

/** Rows of text under headings, columns as wide as their widest cell; each line begins with `indent`. */
export function table(
  columns: readonly TableColumn[],
  cells: readonly (readonly string[])[],
  indent = "",
): string {
  const rows = cells.map((row) => row.map(printable));
  const headings = columns.map((column) => column.heading);
  const widths = columns.map((_, index) =>
    Math.max(...[headings, ...rows].map((row) => (row[index] ?? "").length)),
  );
  const line = (row: readonly string[]) =>
    columns
      .map((column, index) => {
        const cell = row[index] ?? "";
        const width = widths[index] ?? 0;
        return column.align === "right" ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd();
  return [headings, ...rows].map((row) => `${indent}${line(row)}`).join("\n");
}
