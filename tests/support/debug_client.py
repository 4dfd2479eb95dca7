"""A client of debugpy, as editors are: the Debug Adapter Protocol on a socket."""

from __future__ import annotations

import json
import socket
from types import TracebackType
from typing import Any

DEADLINE_S = 60.0


class DebugClient:
    """A connection to a hub's debugger."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), DEADLINE_S)
        self._stream = self._socket.makefile("rb")
        self._events: list[dict[str, Any]] = []
        self._number = 0

    def __enter__(self) -> DebugClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        self._socket.close()

    def attach(self, breakpoints: dict[str, list[int]]) -> list[bool]:
        """Attach, with breakpoints: file in the container → lines; whether each is one."""
        self.ask("initialize", adapterID="tests", pathFormat="path", linesStartAt1=True, columnsStartAt1=True)
        attached = self._send("attach", {"justMyCode": False})
        self.event("initialized")
        verified = []
        for path, lines in breakpoints.items():
            answer = self.ask(
                "setBreakpoints", source={"path": path}, breakpoints=[{"line": line} for line in lines]
            )
            verified += [one["verified"] for one in answer["breakpoints"]]
        self.ask("configurationDone")
        self._answer(attached)
        return verified

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """The answer to a request."""
        return self._answer(self._send(command, arguments))

    def event(self, name: str) -> dict[str, Any]:
        """The next event of that name."""
        while True:
            for number, event in enumerate(self._events):
                if event["event"] == name:
                    del self._events[: number + 1]
                    body: dict[str, Any] = event.get("body", {})
                    return body
            message = self._read()
            if message["type"] == "event":
                self._events.append(message)

    def _send(self, command: str, arguments: dict[str, Any]) -> int:
        self._number += 1
        request = {"seq": self._number, "type": "request", "command": command, "arguments": arguments}
        text = json.dumps(request).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(text), text))
        return self._number

    def _answer(self, number: int) -> dict[str, Any]:
        while True:
            message = self._read()
            if message["type"] == "event":
                self._events.append(message)
            elif message["type"] == "response" and message["request_seq"] == number:
                assert message["success"], message
                body: dict[str, Any] = message.get("body", {})
                return body

    def _read(self) -> dict[str, Any]:
        length = 0
        while (line := self._stream.readline()).strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        assert length, "the debugger has closed the connection"
        message: dict[str, Any] = json.loads(self._stream.read(length))
        return message
