"""A real OpenAI-compatible HTTP server on loopback that plays a script: well-behaved, broken, slow or malicious.

    with ChatServer([text("hello"), tool("evaluate"), status(429), cut("half an ans")]) as server:
        os.environ["OPENAI_BASE_URL"] = server.url

Each request takes the next turn of the script; after the last one the server answers 500. ``server.requests`` holds what
was sent, ``server.headers`` the headers.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Turn:
    """One reply. ``content`` and ``calls`` make a message; the rest says how it goes wrong."""

    content: str = ""
    calls: tuple[tuple[str, str], ...] = ()  # (tool, arguments as JSON text)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: bool = False  # the connection ends in the middle
    raw: bytes | None = None  # sent instead of a well-formed body
    kind: str = ""  # its content type, where it is not the one that was asked for
    body: dict[str, Any] | None = None  # what an error status says
    usage: bool = True
    make: Callable[[dict[str, Any]], Turn] | None = None


def text(content: str, **more: Any) -> Turn:
    """A message in words."""
    return Turn(content, **more)


def tool(name: str, why: str = "", raw_arguments: str | None = None, **arguments: Any) -> Turn:
    """A tool call; ``raw_arguments`` replaces the JSON of the arguments."""
    return Turn(why, ((name, json.dumps(arguments) if raw_arguments is None else raw_arguments),))


def tools(*calls: tuple[str, dict[str, Any]]) -> Turn:
    """Several calls at once."""
    return Turn("", tuple((name, json.dumps(arguments)) for name, arguments in calls))


def status(code: int, **headers: str) -> Turn:
    """An error status."""
    return Turn(status=code, headers=headers)


def cut(content: str) -> Turn:
    """An answer that breaks off."""
    return Turn(content, cut=True)


def raw(body: bytes) -> Turn:
    """Bytes that are no well-formed reply."""
    return Turn(raw=body)


def dynamic(make: Callable[[dict[str, Any]], Turn]) -> Turn:
    """A reply that depends on the request."""
    return Turn(make=make)


class ChatServer:
    """Serves ``script`` on a free port of 127.0.0.1."""

    def __init__(self, script: Sequence[Turn]) -> None:
        self.script = list(script)
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
                outer._answer(self, body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> ChatServer:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        with self._lock:
            self.requests.append(body)
            self.headers.append(dict(handler.headers))
            turn = self.script.pop(0) if self.script else Turn(status=500)
        if turn.make is not None:
            turn = turn.make(body)
        if turn.delay:
            time.sleep(turn.delay)
        try:
            if turn.status != 200:
                plain = {"error": {"message": f"scripted {turn.status}", "type": "scripted"}}
                error = json.dumps(turn.body or plain).encode()
                self._send(handler, turn.status, error, "application/json", turn.headers)
            elif turn.raw is not None:
                kind = "text/event-stream" if body.get("stream") else "application/json"
                self._send(handler, 200, turn.raw, turn.kind or kind, {})
            elif body.get("stream"):
                self._stream(handler, turn)
            else:
                self._send(
                    handler, 200, json.dumps(_whole(turn)).encode(), "application/json", {}, cut=turn.cut
                )
        except (BrokenPipeError, ConnectionResetError):
            pass  # the client gave up: that is what some scripts are about

    def _send(
        self,
        handler: BaseHTTPRequestHandler,
        code: int,
        body: bytes,
        kind: str,
        headers: dict[str, str],
        cut: bool = False,
    ) -> None:
        handler.send_response(code)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2] if cut else body)
        if cut:
            handler.close_connection = True

    def _stream(self, handler: BaseHTTPRequestHandler, turn: Turn) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        pieces = list(_pieces(turn))
        for piece in pieces[: len(pieces) // 2] if turn.cut else pieces:
            data = b"data: " + (piece if isinstance(piece, bytes) else json.dumps(piece).encode()) + b"\n\n"
            handler.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            handler.wfile.flush()
        handler.close_connection = True
        if not turn.cut:
            handler.wfile.write(b"0\r\n\r\n")


def _calls(turn: Turn) -> list[dict[str, Any]]:
    return [
        {
            "index": i,
            "id": f"call_{i}_{time.monotonic_ns()}",
            "type": "function",
            "function": {"name": n, "arguments": a},
        }
        for i, (n, a) in enumerate(turn.calls)
    ]


def _usage(turn: Turn) -> dict[str, int] | None:
    return {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120} if turn.usage else None


def _whole(turn: Turn) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": turn.content or None}
    if turn.calls:
        message["tool_calls"] = [{k: v for k, v in c.items() if k != "index"} for c in _calls(turn)]
    reason = "tool_calls" if turn.calls else "stop"
    return {
        "id": "chatcmpl-scripted", "object": "chat.completion", "created": 0, "model": "scripted",
        "choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": _usage(turn),
    }  # fmt: skip


def _pieces(turn: Turn) -> list[Any]:
    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {
            "id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 0, "model": "scripted",
            "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
        }  # fmt: skip

    made: list[Any] = [chunk({"role": "assistant", "content": ""})]
    step = max(1, len(turn.content) // 40)
    made += [chunk({"content": turn.content[i : i + step]}) for i in range(0, len(turn.content), step)]
    for call in _calls(turn):
        arguments = call["function"]["arguments"]
        first = {**call, "function": {"name": call["function"]["name"], "arguments": ""}}
        made.append(chunk({"tool_calls": [first]}))
        for i in range(0, len(arguments), 12):
            made.append(
                chunk(
                    {
                        "tool_calls": [
                            {"index": call["index"], "function": {"arguments": arguments[i : i + 12]}}
                        ]
                    }
                )
            )
    made.append(chunk({}, "tool_calls" if turn.calls else "stop"))
    if turn.usage:
        made.append({**chunk({}), "choices": [], "usage": _usage(turn)})
    return [*made, b"[DONE]"]
