/** A line with the width that it takes on the screen: its text may hold escape codes. */
interface Line {
  readonly text: string;
  readonly width: number;
}

/** One device: its heading, and a row a tag. */
export interface Block {
  readonly heading: Line;
  /** Stands over the rows that went on to a further column. */
  readonly continued: Line;
  readonly rows: readonly Line[];
}

export interface Grid {
  readonly columns: number;
  /** Lines that there is room for. */
  readonly height: number;
  /** Characters of a column. */
  readonly cell: number;
  /** Characters between two columns. */
  readonly gap: number;
}

export interface LaidOut {
  readonly lines: readonly string[];
  /** Rows that found no room. */
  readonly hidden: number;
}

/**
 * Lays the blocks into columns, the first column first. Where not all rows fit, every device keeps its heading and the
 * devices share what room there is, so that none pushes another off the screen; a line is left for telling so.
 */
export function layOut(blocks: readonly Block[], grid: Grid): LaidOut {
  const total = blocks.reduce((sum, { rows }) => sum + rows.length, 0);
  const whole = flow(blocks, undefined, grid);
  if (whole !== undefined) return { lines: whole, hidden: 0 };
  const less = { ...grid, height: Math.max(1, grid.height - 1) };
  for (let room = Math.min(total, less.columns * less.height); room >= 0; room -= 1) {
    const shares = shareOut(
      blocks.map(({ rows }) => rows.length),
      room,
    );
    const lines = flow(blocks, shares, less);
    if (lines !== undefined) return { lines, hidden: total - room };
  }
  return { lines: [], hidden: total };
}

/** The lines, with so many rows of each block, or undefined where they do not fit. */
function flow(
  blocks: readonly Block[],
  shares: readonly number[] | undefined,
  { columns, height, cell, gap }: Grid,
): readonly string[] | undefined {
  const filled: Line[][] = [[]];
  let column: Line[] = filled[0] ?? [];
  const isFull = (lines: number) => column.length > 0 && column.length + lines > height;
  const open = (...lines: readonly Line[]) => {
    column = [...lines];
    filled.push(column);
  };
  for (const [index, { heading, continued, rows }] of blocks.entries()) {
    const shown = rows.slice(0, shares?.[index] ?? rows.length);
    // A heading does not stand alone at the foot of a column.
    if (isFull(shown.length === 0 ? 1 : 2)) open();
    column.push(heading);
    for (const row of shown) {
      if (isFull(1)) open(continued);
      column.push(row);
    }
  }
  if (filled.length > columns) return undefined;
  const tallest = Math.max(0, ...filled.map((lines) => lines.length));
  return Array.from({ length: tallest }, (_, at) =>
    filled
      .map((lines, index) => {
        const line = lines[at] ?? { text: "", width: 0 };
        return index === filled.length - 1 ? line.text : line.text + " ".repeat(cell - line.width + gap);
      })
      .join("")
      .trimEnd(),
  );
}

/** Gives `room` out evenly; what one does not need goes to the others. */
function shareOut(wanted: readonly number[], room: number): readonly number[] {
  const shares = wanted.map(() => 0);
  let left = room;
  let hungry = [...wanted.keys()].filter((index) => (wanted[index] ?? 0) > 0);
  while (left > 0 && hungry.length > 0) {
    const each = Math.max(1, Math.floor(left / hungry.length));
    for (const index of hungry) {
      const given = Math.min(each, left, (wanted[index] ?? 0) - (shares[index] ?? 0));
      shares[index] = (shares[index] ?? 0) + given;
      left -= given;
    }
    hungry = hungry.filter((index) => (shares[index] ?? 0) < (wanted[index] ?? 0));
  }
  return shares;
}
