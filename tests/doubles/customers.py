"""Customers who write numbered questions, and the account of what became of each.

Beside the daemon's own books it believes only what Meta accepted: an answer counts when the
sandbox took it, and the echoing model writes into each answer which questions it is about.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.doubles.daemon_process import wait_until
from tests.doubles.echo_model import QUESTION
from tests.doubles.stage import Stage


@dataclass(frozen=True, slots=True)
class Account:
    """Question numbers by their fate; `disordered` names customers."""

    asked: int
    answered: int
    parked: tuple[int, ...]
    lost: tuple[int, ...]
    twice: tuple[int, ...]
    answered_and_parked: tuple[int, ...]
    disordered: tuple[str, ...]
    unsettled: tuple[tuple[str, str], ...]

    @property
    def faults(self) -> dict[str, Any]:
        """Tell what breaks the promise; all empty when it is kept."""
        return {
            "lost": self.lost,
            "twice": self.twice,
            "answered and parked": self.answered_and_parked,
            "out of order": self.disordered,
            "unsettled": self.unsettled,
        }


KEPT = {
    "lost": (),
    "twice": (),
    "answered and parked": (),
    "out of order": (),
    "unsettled": (),
}
"""What `Account.faults` is when nothing was lost, nothing answered twice, and order kept."""


@dataclass(slots=True)
class _Asked:
    number: int
    wamid: str


@dataclass(slots=True)
class Crowd:
    """All customers of one test."""

    stage: Stage
    _asked: dict[str, list[_Asked]] = field(default_factory=dict)
    _count: int = 0

    @property
    def asked(self) -> int:
        return self._count

    async def ask(self, customer: str, *, number: str) -> int:
        """Ask the next question and wait until it is kept, by whichever of Meta's attempts."""
        self._count += 1
        question = self._count
        wamid = f"wamid.q{question}.{customer}"
        self._asked.setdefault(customer, []).append(_Asked(question, wamid))
        written = await self.stage.write(
            f"q{question}?", customer=customer, number=number, id=wamid
        )
        if written["webhook_status"] != 200:
            await self.wait_until_kept(wamid)
        return question

    async def converse(
        self, customer: str, *, number: str, questions: int, pause_s: float = 0.0
    ) -> None:
        """Ask one question after the other, each once the one before is kept."""
        for _ in range(questions):
            await self.ask(customer, number=number)
            await asyncio.sleep(pause_s)

    async def wait_until_kept(self, wamid: str) -> None:
        """Wait until a message is in the database: what comes later has a higher id."""

        async def is_kept() -> bool:
            return bool(self.stage.query("SELECT 1 FROM inbox WHERE wamid = ?", wamid))

        await wait_until(is_kept, within_s=60)

    async def wait_until_settled(self, *, within_s: float = 30.0) -> None:
        """Wait until nothing waits any more and nothing is on its way."""

        async def is_settled() -> bool:
            waiting = "SELECT count(*) FROM inbox WHERE state IN ('pending', 'answered')"
            unsent = "SELECT count(*) FROM outbox WHERE state NOT IN ('sent', 'parked')"
            kept = "SELECT count(*) FROM inbox"
            ((count,),) = self.stage.query(f"SELECT ({waiting}) + ({unsent})")
            ((total,),) = self.stage.query(kept)
            return bool(count == 0 and total >= self._count)

        await wait_until(is_settled, within_s=within_s)

    async def draw_up(self) -> Account:
        """Hold what Meta accepted against what was asked."""
        answers: dict[str, list[int]] = {}
        for sent in await self.stage.read_sent():
            named = [int(number) for number in QUESTION.findall(sent["text"])]
            answers.setdefault((sent["to"] or "")[1:], []).extend(named)
        counted = Counter(number for given in answers.values() for number in given)
        parked = self._find_parked()
        numbers = {each.number for asked in self._asked.values() for each in asked}
        return Account(
            asked=len(numbers),
            answered=len(numbers & counted.keys()),
            parked=tuple(sorted(parked)),
            lost=tuple(sorted(numbers - counted.keys() - parked)),
            twice=tuple(sorted(number for number in numbers if counted[number] > 1)),
            answered_and_parked=tuple(sorted(parked & counted.keys())),
            disordered=tuple(who for who in self._asked if self._is_disordered(who, answers)),
            unsettled=self._find_unsettled(),
        )

    def _is_disordered(self, customer: str, answers: dict[str, list[int]]) -> bool:
        # A second answer to the same question is another fault, counted as such.
        given = list(dict.fromkeys(answers.get(customer, [])))
        return given != [each.number for each in self._asked[customer] if each.number in given]

    def _find_parked(self) -> set[int]:
        rows = self.stage.query("SELECT wamid FROM inbox WHERE state = 'parked'")
        parked = {wamid for (wamid,) in rows}
        return {
            each.number for asked in self._asked.values() for each in asked if each.wamid in parked
        }

    def _find_unsettled(self) -> tuple[tuple[str, str], ...]:
        rows = self.stage.query("SELECT wamid, state FROM inbox WHERE state NOT IN (?, ?)", *_ENDS)
        return tuple((str(wamid), str(state)) for wamid, state in rows)


_ENDS = ("done", "parked")
