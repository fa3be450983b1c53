# Gatewright in a container: built with everything, shipped with what it runs on, without a shell, as nobody.

FROM node:24-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build && npm ci --omit=dev --ignore-scripts
RUN mkdir -m 700 /data

FROM gcr.io/distroless/nodejs24-debian12:nonroot
WORKDIR /app
COPY --from=build /src/package.json ./
COPY --from=build /src/LICENSE /src/NOTICE ./
COPY --from=build /src/bin ./bin
COPY --from=build /src/dist ./dist
COPY --from=build /src/node_modules ./node_modules
# A volume takes over the owner of what it is mounted on; without that it would be root's.
COPY --from=build --chown=65532:65532 /data /data
ENV NODE_ENV=production \
    GATEWRIGHT_LISTEN=0.0.0.0:8080 \
    GATEWRIGHT_DATA_DIR=/data
USER 65532:65532
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["/nodejs/bin/node", "-e", "fetch('http://127.0.0.1:8080/readyz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/nodejs/bin/node", "--disable-sigusr1", "bin/gatewright.mjs"]
CMD ["serve"]
