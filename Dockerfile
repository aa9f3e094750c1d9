# syntax=docker/dockerfile:1
# docker build -t cohort-tracker . ; how to run it: docs/container.md
# The newest Python that the dependencies support.
FROM python:3.13-slim AS build
WORKDIR /src
# Everything that is installed comes from the lock, checked by its hash.
COPY requirements.lock ./
RUN python -m pip wheel --no-cache-dir --require-hashes --requirement requirements.lock --wheel-dir /wheels \
    && python -m pip install --no-cache-dir --no-index --find-links /wheels hatchling
COPY pyproject.toml README.md LICENSE dbt_project.yml profiles.yml selectors.yml ./
COPY pipelines pipelines
COPY models models
COPY macros macros
COPY analyses analyses
COPY tests/sql tests/sql
RUN python -m pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheels .

FROM python:3.13-slim
# Only what runs; what checks and builds stays behind.
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    python -m pip install --no-cache-dir --no-index --find-links /wheels 'cohort-tracker[postgres,serve]'
# The one place that is written to. Temporary files go there too, so that the rest may be read-only.
ENV COHORT_TRACKER_DATA_DIR=/data TMPDIR=/data
RUN install --directory --owner 10001 --group 0 --mode 0700 /data
VOLUME /data
WORKDIR /data
# A number, so that it can be seen not to be root; any other user who owns the volume works too.
USER 10001:0
ENTRYPOINT ["cohort-tracker"]
CMD ["sync"]
