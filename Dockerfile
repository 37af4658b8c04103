# The gateway with a nats-server of its own, run from source on Node.js 24.
ARG NATS_VERSION=2
FROM nats:${NATS_VERSION}-alpine AS nats

FROM node:24-bookworm-slim
WORKDIR /opt/linegate
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund && npm cache clean --force
COPY --from=nats /usr/local/bin/nats-server /usr/local/bin/nats-server
COPY bin bin
COPY src src
COPY adapters adapters
COPY simulators simulators
RUN mkdir /data && chown node:node /data && ln -s /opt/linegate/bin/linegate /usr/local/bin/linegate
USER node
VOLUME /data
ENTRYPOINT ["linegate"]
CMD ["run", "/site"]
