import {
  BrowseNextRequest,
  BrowseRequest,
  ReadRequest,
  TranslateBrowsePathsToNodeIdsRequest,
  type BrowseDescriptionOptions,
  type BrowseNextResponse,
  type BrowsePathOptions,
  type BrowseResponse,
  type BrowseResult,
  type ReadResponse,
  type ReadValueIdOptions,
  type TranslateBrowsePathsToNodeIdsResponse,
} from "node-opcua-types";
import type { Session } from "./session.ts";

type OneOrMany<One> = One | readonly One[];

/** What the library's type reader asks of a session: each call takes one or many, and answers alike. */
export function browsingSession(session: Session) {
  const many = <T>(one: OneOrMany<T>): T[] => (Array.isArray(one) ? [...(one as readonly T[])] : [one as T]);
  const alike = <Out>(asked: unknown, results: readonly Out[] | null): Out | readonly Out[] | undefined =>
    Array.isArray(asked) ? (results ?? []) : results?.[0];
  return {
    read: async (nodes: OneOrMany<ReadValueIdOptions>) => {
      const { results } = await session.request<ReadResponse>(new ReadRequest({ nodesToRead: many(nodes) }));
      return alike(nodes, results);
    },
    browse: async (nodes: OneOrMany<BrowseDescriptionOptions>) => {
      const { results } = await session.request<BrowseResponse>(
        new BrowseRequest({ nodesToBrowse: many(nodes) }),
      );
      return alike(nodes, results);
    },
    browseNext: async (points: OneOrMany<Buffer>, releaseContinuationPoints: boolean) => {
      const continuationPoints = Array.isArray(points) ? points : [points as Buffer];
      const request = new BrowseNextRequest({ continuationPoints, releaseContinuationPoints });
      const { results } = await session.request<BrowseNextResponse>(request);
      return alike<BrowseResult>(points, results);
    },
    translateBrowsePath: async (paths: OneOrMany<BrowsePathOptions>) => {
      const request = new TranslateBrowsePathsToNodeIdsRequest({ browsePaths: many(paths) });
      const { results } = await session.request<TranslateBrowsePathsToNodeIdsResponse>(request);
      return alike(paths, results);
    },
  };
}
