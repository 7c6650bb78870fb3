"""One trace for a track, told by an API node and by a worker."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from app.services.metering.traces import ids_of
from tests.distributed.conftest import ask, finished

pytestmark = pytest.mark.distributed


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP and keeps the spans."""

    def __init__(self):
        trace_service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
        self.spans = []
        collector = self

        class Taking(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    import gzip

                    body = gzip.decompress(body)
                request = trace_service.ExportTraceServiceRequest.FromString(body)
                for resource in request.resource_spans:
                    collector.spans += [span for scope in resource.scope_spans for span in scope.spans]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Taking)
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/v1/traces"

    def end(self):
        self.shutdown()
        self.server_close()
        self.thread.join()


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.end()


def test_a_tracks_way_from_the_request_to_its_files_is_one_trace(installation, collector):
    node = installation.server(MUSIC_TRACES=collector.url)
    worker = installation.worker(MUSIC_TRACES=collector.url)
    track_id = ask(node)
    node.wait_for(track_id, finished)
    cancelled = ask(node, duration=60)
    node.client.post(f"/music/tracks/{cancelled}/cancel")
    worker.terminate()
    node.terminate()  # what was not sent is sent on leaving

    def named():
        trace_id = ids_of(track_id)[0].to_bytes(16, "big")
        return {span.name: span for span in collector.spans if span.trace_id == trace_id}

    expected = {"accept", "wait", "track", "work", "planning", "composing", "rendering", "mastering", "encoding"}
    installation.until(lambda: set(named()) >= expected)
    spans = named()
    root = spans.pop("track")
    assert root.span_id == ids_of(track_id)[1].to_bytes(8, "big")
    assert not root.parent_span_id
    assert {span.parent_span_id for span in spans.values()} == {root.span_id}
    assert spans["accept"].start_time_unix_nano == root.start_time_unix_nano
    assert spans["wait"].end_time_unix_nano == spans["work"].start_time_unix_nano
    assert spans["planning"].start_time_unix_nano >= spans["work"].start_time_unix_nano
    installation.until(
        lambda: [span for span in collector.spans if span.name == "track" and span.status.message == "Cancelled"]
    )
