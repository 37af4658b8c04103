// The process that `loadSiteApart` starts. Plain JavaScript for the reason that bin/linegate.mjs gives.
import { answerLoad } from "./answer-load.ts";

const answer = await answerLoad(process.argv[2] ?? ".");
process.send?.(answer, () => process.disconnect());
