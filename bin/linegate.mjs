// Plain JavaScript on purpose: with an entry in TypeScript, Node loads its type stripper (16 MB, 50 ms) though every
// module behind it comes from the compile cache.
import { main } from "../src/cli/main.ts";

await main();
