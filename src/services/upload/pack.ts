import { promisify } from "node:util";
import { constants, zstdCompress, zstdDecompressSync } from "node:zlib";
import type { Batch } from "./batch.ts";
import { decodeBatch, encodeSteps } from "./batch-codec.ts";
import type { Breathe } from "./breath.ts";
import { corrupt } from "./bytes.ts";

const compress = promisify(zstdCompress);

/** Measured by `bench -- upload`: 4 in a hundred smaller than level 9 for no more time, as the columns are so small. */
const level = 19;

/** What is unpacked takes at most this: a few bytes of zstd can hold gigabytes. */
const mostBytes = 64 * 2 ** 20;

/** The first bytes of a zstd frame. RFC 8878 §3.1.1. */
const frameMagic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** A batch as it is sent. The compression itself runs on a thread of its own. */
export async function packBatch(batch: Batch, breathe: Breathe = () => undefined): Promise<Buffer> {
  const steps = encodeSteps(batch);
  for (;;) {
    const { done, value } = steps.next();
    if (done !== true) {
      const pause = breathe();
      if (pause !== undefined) await pause;
      continue;
    }
    return compress(value, {
      params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_contentSizeFlag]: 1 },
      pledgedSrcSize: value.length,
    });
  }
}

/** Reads a payload, compressed or not. Throws PROTOCOL_VIOLATION where it is no batch. */
export function unpackBatch(payload: Buffer): Batch {
  if (!payload.subarray(0, frameMagic.length).equals(frameMagic)) return decodeBatch(payload);
  return decodeBatch(decompress(payload));
}

function decompress(payload: Buffer): Buffer {
  try {
    return zstdDecompressSync(payload, { maxOutputLength: mostBytes });
  } catch (caught) {
    throw corrupt("its zstd frame is cut off, damaged or too large", {
      zlib: caught instanceof Error ? caught.message : String(caught),
    });
  }
}
