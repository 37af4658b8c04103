import type { ErrorCode } from "../domain/errors.ts";
import type { LoadedSite } from "./site.ts";

/** What the process sends: the site or its mistakes, or why it could not tell. */
export type LoadAnswer =
  | { readonly loaded: LoadedSite }
  | { readonly code: ErrorCode; readonly message: string; readonly stack: string | undefined };

/** Loads one site folder: all that the process which `loadSiteApart` starts does. Never rejects. */
export async function answerLoad(dir: string): Promise<LoadAnswer> {
  const [{ loadSite }, { toGatewayError }, { config }] = await Promise.all([
    import("./load-site.ts"),
    import("../domain/errors.ts"),
    import("zod"),
  ]);
  // Compiling the schemas takes longer than the one run that this process makes of them.
  config({ jitless: true });
  try {
    return { loaded: await loadSite(dir) };
  } catch (caught) {
    const { code, message, stack } = toGatewayError(caught);
    return { code, message, stack };
  }
}
