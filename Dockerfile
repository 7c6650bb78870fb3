# The service without model weights: `docker build -t music .`, then `docker run -p 8000:8000 -v music:/data music`.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    MUSIC_DATA_DIR=/data \
    MUSIC_LOG_FORMAT=json

RUN useradd --system --uid 10001 --create-home --home-dir /home/music music \
    && install --directory --owner music /data

WORKDIR /srv/music

COPY requirements.txt ./
COPY requirements/postgres.txt requirements/
RUN python -m pip install -r requirements.txt -r requirements/postgres.txt

COPY run.py ./
COPY requirements requirements
COPY app app

# By number: an orchestrator that refuses root can see that it is none.
USER 10001
VOLUME /data
EXPOSE 8000

# A worker listens on no such port: compose.yaml asks for its figures instead.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]

# The process itself, not `run.py`, so that it hears SIGTERM and installs nothing.
CMD ["python", "-m", "app.cli", "serve", "--host", "0.0.0.0", "--port", "8000"]
