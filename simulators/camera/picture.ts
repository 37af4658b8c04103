import { createHash } from "node:crypto";
import { crc32, deflateSync } from "node:zlib";

const width = 96;
const height = 64;

/** A small valid PNG in grey, the same for the same text and another for another: what the camera sees of a part. */
export function pictureOf(text: string): Buffer {
  const seed = createHash("sha256").update(text).digest();
  const rows: number[] = [];
  for (let y = 0; y < height; y += 1) {
    // Filter 0: the row as it is (PNG §9.2).
    rows.push(0);
    for (let x = 0; x < width; x += 1) rows.push(shade(seed, x, y));
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // Eight bits of grey a pixel.
  header[8] = 8;
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.from(rows))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** A bright part with a few weld spots, whose places the seed says. */
function shade(seed: Buffer, x: number, y: number): number {
  if (x < 12 || x >= width - 12 || y < 10 || y >= height - 10) return 40;
  for (let spot = 0; spot < 4; spot += 1) {
    const at = {
      x: 20 + ((seed[spot] ?? 0) % (width - 40)),
      y: 18 + ((seed[spot + 8] ?? 0) % (height - 36)),
    };
    if (Math.hypot(x - at.x, y - at.y) < 4) return 90;
  }
  return 190 + ((seed[(x * 7 + y * 3) % seed.length] ?? 0) % 24);
}

/** PNG §5.3: length, type, data, and the checksum of type and data. */
function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}
