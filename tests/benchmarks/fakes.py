"""Meta and OpenAI in one process, each always answering the same, at once or after so many seconds.

Run by the benchmarks: `python -m tests.benchmarks.fakes MODEL_S GRAPH_S PORT`. HTTP by hand: a web
framework here would take the second core for itself.
"""

import asyncio
import json
import re
import sys

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)

REPLY = {
    "answer": "Abrimos de lunes a viernes de 9:00 a 22:00 y los sábados de 10:00 a 23:00.",
    "faq_ids": ["F1"],
    "answered": True,
    "handoff": False,
}

MODEL = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1_790_000_000,
    "status": "completed",
    "incomplete_details": None,
    "error": None,
    "model": "gpt-6-luna",
    "output": [
        {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "status": "completed",
            "content": [
                {"type": "output_text", "text": json.dumps(REPLY), "annotations": []},
            ],
        }
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 1000,
        "input_tokens_details": {"cached_tokens": 600, "cache_write_tokens": 0},
        "output_tokens": 50,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 1050,
    },
}

GRAPH = {
    "messaging_product": "whatsapp",
    "contacts": [{"input": "+34600000000", "wa_id": "34600000000"}],
    "messages": [{"id": "wamid.HBgLMzQ2MDAwMDAwMDAVAgARGBI5QTNDQTVCM0Q0Q0Q2RTY3RTcA"}],
}


def _write(answer: object) -> bytes:
    body = json.dumps(answer).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n".encode() + body


_MODEL, _GRAPH = _write(MODEL), _write(GRAPH)


class Fake(asyncio.Protocol):
    """Answers each complete request of one connection; clients ask one thing at a time of each."""

    def __init__(self, *, model_s: float, graph_s: float) -> None:
        self._model_s = model_s
        self._graph_s = graph_s

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._kept = b""

    def data_received(self, data: bytes) -> None:
        self._kept += data
        while (end := self._kept.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._kept, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._kept) < whole:
                return
            if b"/responses " in self._kept[:200]:
                self._answer(_MODEL, self._model_s)
            else:
                self._answer(_GRAPH, self._graph_s)
            self._kept = self._kept[whole:]

    def _answer(self, answer: bytes, after_s: float) -> None:
        if after_s:
            asyncio.get_running_loop().call_later(after_s, self._transport.write, answer)
        else:
            self._transport.write(answer)


async def serve(port: int, *, model_s: float, graph_s: float) -> None:
    """Serve until SIGTERM."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Fake(model_s=model_s, graph_s=graph_s), "127.0.0.1", port, backlog=1024
    )
    await server.serve_forever()


if __name__ == "__main__":
    model, graph, port = sys.argv[1:]
    asyncio.run(serve(int(port), model_s=float(model), graph_s=float(graph)))
