# SPDX-License-Identifier: LGPL-2.1-or-later
# One image for each service: docker build --build-arg SERVICE=log-parser .
FROM python:3.11-slim AS build
ARG SERVICE
RUN pip install --no-cache-dir 'uv>=0.13,<0.14'
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
WORKDIR /src
COPY pyproject.toml uv.lock ./
COPY shared shared
COPY tools tools
COPY services services
RUN --mount=type=cache,target=/root/.cache/uv \
    UV_PROJECT_ENVIRONMENT=/opt/kci \
    uv sync --frozen --no-dev --no-editable --package "kci-$SERVICE"

FROM python:3.11-slim
ARG SERVICE
ARG PACKAGES=""
RUN if [ -n "$PACKAGES" ]; then \
        apt-get update && apt-get install --yes --no-install-recommends $PACKAGES \
        && rm -rf /var/lib/apt/lists/*; \
    fi \
    && useradd --system --uid 10001 --create-home kci \
    && mkdir -p /data /secrets && chown kci:kci /data /secrets
COPY --from=build /opt/kci /opt/kci
RUN ln -s "/opt/kci/bin/kci-$SERVICE" /usr/local/bin/kci-service
USER kci
ENV KCI_LOG_FORMAT=json PYTHONUNBUFFERED=1 PATH=/opt/kci/bin:$PATH
ENTRYPOINT ["kci-service"]
