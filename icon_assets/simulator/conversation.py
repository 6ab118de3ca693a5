"""What happens on an answered call: talk, hold, consultation, transfer, after-call work, the agent's result."""

from __future__ import annotations

from collections.abc import Callable, Generator

from simpy import Event

from icon_assets.simulator.agents import Agent
from icon_assets.simulator.calls import ATTEMPT_KEY, Call, Party
from icon_assets.simulator.chain import Attempt
from icon_assets.simulator.codes import CallType, PartyType, RecordType, Result
from icon_assets.simulator.lines import text
from icon_assets.simulator.randomness import Weights
from icon_assets.simulator.session import Session

Work = Generator[Event, object, None]
Follow = Callable[[Session, Attempt], None]

_TALK_MS = (4_000, 20_000, 60_000, 120_000, 200_000, 420_000)
_MACHINE_MS = (2_000, 4_000, 8_000)
_HOLD_MS = (5_000, 20_000, 60_000)
_WRAP_MS = (2_000, 8_000, 15_000, 40_000)
_CONSULT_MS = (8_000, 20_000, 50_000)
_LATE_MS = (60_000, 600_000, 2_400_000)
_HOLD_PERCENT = 8
_VERDICTS: Weights[Result | RecordType] = Weights(
    {
        Result.ANSWER: 70,
        RecordType.CAMPAIGN_CALLBACK: 5,
        RecordType.PERSONAL_CALLBACK: 5,
        Result.OK: 6,
        Result.WRONG_PARTY: 6,
        Result.WRONG_NUMBER: 4,
        Result.DO_NOT_CALL: 4,
    }
)
_OUTCOMES = Weights({"sale": 22, "no interest": 60, "undecided": 18})


def converse(
    session: Session, attempt: Attempt, call: Call, agent: Agent, leg: Party, follow: Follow
) -> Work:
    """Agent and customer (or machine) from the moment both are on the line; releases the agent at the end."""
    env, plan, luck = session.env, session.plan, attempt.chain.luck
    if not attempt.person:
        yield env.timeout(luck.spread(_MACHINE_MS))
    else:
        yield env.timeout(luck.spread(_TALK_MS))
        if luck.chance(_HOLD_PERCENT):
            leg.become("held")
            yield env.timeout(luck.spread(_HOLD_MS))
            leg.become("connected")
        if luck.chance(plan.consult):
            yield from _consult(session, attempt, call, agent, leg)
        if luck.chance(plan.transfer):
            agent, leg = yield from _transfer(session, attempt, call, agent, leg)
    leg.become("acw")
    call.end()
    session.ocs.call_times(session, attempt, call)
    late = attempt.detected and luck.chance(plan.late)
    if late:
        attempt.chain.processed(attempt, Result.ANSWER, None)
        follow(session, attempt)
    yield env.timeout(agent.luck.spread(_WRAP_MS))
    leg.become("released")
    if late:
        session.unit.pool.release(agent)
        yield env.timeout(luck.spread(_LATE_MS))
        if attempt.reported:
            attempt.chain.late_result(attempt, Result.ANSWER if attempt.person else Result.MACHINE)
        return
    conclude(session, attempt, agent)
    follow(session, attempt)
    session.unit.pool.release(agent)


def conclude(session: Session, attempt: Attempt, agent: Agent) -> None:
    """The agent's result, with a callback or the outcome field where there is one."""
    chain, luck = attempt.chain, attempt.chain.luck
    cpd = Result.ANSWER if attempt.detected else None
    if not attempt.person:
        chain.processed(attempt, cpd, Result.MACHINE)
        return
    verdict = luck.pick(_VERDICTS)
    if isinstance(verdict, RecordType):
        minutes = 20 + luck.below(240)
        attempt.callback = (verdict, minutes, agent.dbid if verdict is RecordType.PERSONAL_CALLBACK else None)
        chain.processed(attempt, cpd, Result.ANSWER)
        return
    chain.processed(attempt, cpd, verdict)
    if attempt.reported and verdict is Result.ANSWER and session.plan.custom_fields > 1:
        attempt.outcome = luck.pick(_OUTCOMES)
        chain.set_field(attempt.record, 1, text(attempt.outcome), attempt)


def listen(session: Session, attempt: Attempt, call: Call, agent: Agent, leg: Party, follow: Follow) -> Work:
    """The customer and an IVR port; nobody gives a result but detection."""
    yield session.env.timeout(attempt.chain.luck.spread((5_000, 20_000, 45_000)))
    call.end()
    session.ocs.call_times(session, attempt, call)
    attempt.chain.processed(attempt, Result.ANSWER, None)
    follow(session, attempt)
    session.pool.release(agent)


def _consult(session: Session, attempt: Attempt, call: Call, agent: Agent, leg: Party) -> Work:
    """The agent asks a colleague on a second call, which carries the attempt's GUID too, and comes back."""
    colleague = session.unit.pool.take()
    if colleague is None:
        return
    second, _, _ = yield from _second_call(session, attempt, call, agent, colleague, leg)
    second.end()
    leg.become("connected")
    session.unit.pool.release(colleague)


def _transfer(
    session: Session, attempt: Attempt, call: Call, agent: Agent, leg: Party
) -> Generator[Event, object, tuple[Agent, Party]]:
    """A colleague takes the customer over: the consult call is merged into the main one."""
    colleague = session.unit.pool.take()
    if colleague is None:
        return agent, leg
    second, _, _ = yield from _second_call(session, attempt, call, agent, colleague, leg)
    second.end(merged_into=call)
    leg.become("released")
    new_leg = call.join(PartyType.INTERNAL, "agent", colleague.dn, "connected", colleague.dbid)
    session.unit.pool.release(agent)
    yield session.env.timeout(attempt.chain.luck.spread(_TALK_MS))
    return colleague, new_leg


def _second_call(
    session: Session, attempt: Attempt, call: Call, agent: Agent, colleague: Agent, leg: Party
) -> Generator[Event, object, tuple[Call, Party, Party]]:
    leg.become("held")
    second = Call(call.source, session.guids, session.switch, CallType.CONSULT, parent=call)
    attempt.calls.append(second)
    second.attach(ATTEMPT_KEY, attempt.guid)
    asking = second.join(PartyType.INTERNAL, "agent", agent.dn, "dialing", agent.dbid)
    asked = second.join(PartyType.INTERNAL, "agent", colleague.dn, "ringing", colleague.dbid)
    yield session.env.timeout(colleague.luck.spread((800, 2_000, 4_000)))
    asking.become("connected")
    asked.become("connected")
    yield session.env.timeout(attempt.chain.luck.spread(_CONSULT_MS))
    return second, asking, asked
