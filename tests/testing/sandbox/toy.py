"""The smallest sandbox: one path, no rules. What is tested on it holds for every vendor."""

from __future__ import annotations

from typing import Any

from recyclekit.testing.sandbox import Answer, Fault, Request, SandboxCrm, json_answer

BODY = {"results": [{"id": str(number), "text": "x" * 40} for number in range(50)]}


class Toy(SandboxCrm):
    token = "toy"
    done = 0
    dead = False

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.router.add("GET", "/things/{id}", self._thing)
        self.router.add("POST", "/things", self._make)
        self.router.add("GET", "/broken", lambda _: 1 // 0)

    @property
    def settings(self) -> dict[str, Any]:
        return {"token": self.token, "url": self.url}

    def _thing(self, request: Request) -> Answer:
        self.done += 1
        return json_answer({"id": request.parts["id"], "query": request.query, **BODY})

    def _make(self, request: Request) -> Answer:
        self.done += 1
        return json_answer({"body": request.body.decode()}, 201)

    def refuse(self, request: Request) -> Answer | None:
        return json_answer({"why": "dead"}, 401) if self.dead else None

    def refusal(self, request: Request, fault: Fault) -> Answer:
        return json_answer({"status": fault.status}, fault.status)

    def unknown(self, request: Request) -> Answer:
        return json_answer({"path": request.path}, 404)

    def expire_tokens(self) -> None:
        self.dead = True

    def finish(self, request: Request, answer: Answer) -> Answer:
        return answer.with_headers({"X-Toy": "yes"})

    def fall_behind(self, seconds: float) -> None:
        self.behind = seconds
