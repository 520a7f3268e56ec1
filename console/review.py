"""Speaking about a case: one transaction that checks, writes down and follows from it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

import psycopg

from console.auth.guard import Visitor
from console.cases import (
    DECIDED,
    Decision,
    DecisionError,
    Said,
    Stage,
    State,
    check,
    outcome,
    stage_for,
)
from console.context import Context
from console.errors import ProblemError
from ioc.ids import uuid7
from store import audit, case_file, cases
from store.cases import CaseRow, Connection, DecisionRow

_chance = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Opened:
    """A case as somebody has it open.

    Attributes:
        case: The case.
        mine: Whether it is reserved for this person, who may speak now.
        stage: At which stage; None for who may only look.
        hindrance: Key of the text that says why not.
        said: What was said so far, in all rounds.
    """

    case: CaseRow
    mine: bool
    stage: Stage | None
    hindrance: str
    said: list[DecisionRow]


async def open_case(context: Context, who: Visitor, number: int, *, ahead: bool = False) -> Opened:
    """Open a case: reserve it for whoever may speak about it, and log that it was seen.

    Args:
        context: The console's.
        who: Whoever opens it.
        number: Which.
        ahead: It is only fetched ahead, to be there at once; seen it is when ``note_view`` is
            called.

    Raises:
        ProblemError: There is none.
    """
    now = context.clock()
    async with context.pool.connection() as connection, connection.transaction():
        case = await cases.find_case(connection, number)
        if case is None:
            raise ProblemError(404, "case_none", number=number)
        said = await cases.decisions(connection, case.id)
        stage, hindrance, mine = None, "", False
        try:
            if who.role == "auditor":
                raise DecisionError("case_auditor")
            stage = stage_for(cast(State, case.state), _of_round(case, said), who.id, who.role)
        except DecisionError as error:
            hindrance = str(error)
        else:
            until = now + timedelta(minutes=context.settings.lock_minutes)
            mine = await cases.take(connection, number, who.id, now, until)
            hindrance = "" if mine else "case_taken"
        await _log_view(connection, who, case, "case.fetched" if ahead else "case.viewed")
    return Opened(case, mine, stage if mine else None, hindrance, said)


async def note_view(context: Context, who: Visitor, number: int) -> None:
    """A case that was fetched ahead is on the screen now."""
    now = context.clock()
    async with context.pool.connection() as connection, connection.transaction():
        case = await cases.find_case(connection, number)
        if case is None:
            raise ProblemError(404, "case_none", number=number)
        if case.locked_by == who.id:
            until = now + timedelta(minutes=context.settings.lock_minutes)
            await cases.take(connection, number, who.id, now, until)
        await _log_view(connection, who, case, "case.viewed")


async def decide(
    context: Context, who: Visitor, number: int, decision: Decision, seconds: float | None
) -> State:
    """Write down what somebody says of a case.

    Returns:
        What the case becomes.

    Raises:
        ProblemError: It is not for this person to say now, or something is missing.
    """
    now = context.clock()
    try:
        async with context.pool.connection() as connection, connection.transaction():
            case = await cases.lock_row(connection, number)
            if case is None:
                raise ProblemError(404, "case_none", number=number)
            if case.locked_by != who.id:
                taken = case.locked_until is not None and case.locked_until > now
                raise ProblemError(409, "case_taken" if taken else "case_lost")
            said = _of_round(case, await cases.decisions(connection, case.id))
            stage = stage_for(cast(State, case.state), said, who.id, who.role)
            check(decision, case.vehicle)
            drawn = _chance.random() < context.settings.blind_share
            state = outcome(stage, decision, said, drawn)
            await cases.add_decision(
                connection,
                case,
                id=uuid7(now),
                stage=stage,
                person=who.id,
                verdict=decision.verdict,
                reason=decision.reason,
                note=decision.note.strip(),
                plate=decision.plate,
                seconds=seconds,
                state=state,
                now=now,
            )
            await audit.append(
                *(connection, who.actor, "case.decided", case.subject),
                stage=stage,
                verdict=decision.verdict,
                reason=decision.reason,
                corrected=decision.plate is not None and decision.plate != case.plate_read,
                before=case.state,
                state=state,
            )
    except DecisionError as error:
        held = str(error).startswith("case_")
        raise ProblemError(409 if held else 422, str(error)) from None
    except (psycopg.errors.UniqueViolation, psycopg.errors.CheckViolation):
        raise ProblemError(409, "case_lost") from None
    return state


async def reopen(context: Context, who: Visitor, number: int, why: str) -> None:
    """Let a case that needed more come back.

    Raises:
        ProblemError: There is none, it does not need more, or no reason is given.
    """
    if not why.strip():
        raise ProblemError(422, "decision_note")
    async with context.pool.connection() as connection, connection.transaction():
        case = await cases.lock_row(connection, number)
        if case is None:
            raise ProblemError(404, "case_none", number=number)
        if case.state != "needs_more":
            raise ProblemError(409, "case_not_waiting")
        await cases.reopen(connection, case.id)
        await audit.append(connection, who.actor, "case.reopened", case.subject, why=why.strip())


async def write_note(context: Context, who: Visitor, number: int, text: str) -> None:
    """Add a remark to a case.

    Raises:
        ProblemError: There is no such case, or no text.
    """
    if not text.strip():
        raise ProblemError(422, "decision_note")
    now = context.clock()
    async with context.pool.connection() as connection, connection.transaction():
        case = await cases.find_case(connection, number)
        if case is None:
            raise ProblemError(404, "case_none", number=number)
        await case_file.add_note(
            connection, case.id, id=uuid7(now), person=who.id, text=text.strip(), now=now
        )
        await audit.append(connection, who.actor, "case.noted", case.subject)


def tells(opened: Opened, who: Visitor) -> list[DecisionRow]:
    """What this person may know of what others said: who is to speak must not be led."""
    if who.role == "auditor" or opened.case.state in DECIDED or opened.case.state == "disputed":
        return opened.said
    if opened.case.state == "needs_more":
        return opened.said
    return [one for one in opened.said if one.round < opened.case.round or one.person == who.id]


def _of_round(case: CaseRow, said: list[DecisionRow]) -> list[Said]:
    return [
        Said(one.stage, one.person, one.verdict, one.plate)  # type: ignore[arg-type]
        for one in said
        if one.round == case.round
    ]


async def _log_view(connection: Connection, who: Visitor, case: CaseRow, action: str) -> None:
    await audit.append(connection, who.actor, action, case.subject)
