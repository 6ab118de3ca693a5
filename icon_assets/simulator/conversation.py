"""What happens on an answered call: talk, hold, consultation, transfer, after-call work, the result."""

from __future__ import annotations

from collections.abc import Callable, Generator

from simpy import Event

from icon_assets.simulator.agents import Agent
from icon_assets.simulator.calls import ATTEMPT_KEY, Call, Party
from icon_assets.simulator.chain import Attempt
from icon_assets.simulator.codes import CallType, PartyType, RecordType, Result
from icon_assets.simulator.lines import text
from icon_assets.simulator.lists import OUTCOME
from icon_assets.simulator.randomness import Stream, Weights
from icon_assets.simulator.session import Session

Work = Generator[Event, object, None]
Follow = Callable[[Session, Attempt], None]

_TALK_MS = (4_000, 20_000, 60_000, 120_000, 200_000, 420_000)
_MACHINE_MS = (2_000, 4_000, 8_000)
_HOLD_MS = (5_000, 20_000, 60_000)
_WRAP_MS = (2_000, 8_000, 15_000, 40_000)
_CONSULT_MS = (8_000, 20_000, 50_000)
_LATE_MS = (60_000, 600_000, 2_400_000, 9_000_000)
_IVR_MS = (5_000, 20_000, 45_000)
_HOLD_PERCENT = 8
_ACCOUNT_PERCENT = 20  # of talks in which an account number is noted
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
    env, luck = session.env, attempt.chain.luck
    if attempt.person:
        agent, leg = yield from _talk(session, attempt, call, agent, leg)
    else:
        yield env.timeout(luck.spread(_MACHINE_MS))
    leg.become("acw")
    call.end()
    attempt.chain.ocs.call_times(session, attempt, call)
    late = attempt.detected and luck.chance(session.plan.late)
    if late:
        attempt.chain.processed(attempt, Result.ANSWER, None)
        follow(session, attempt)
    yield env.timeout(agent.luck.spread(_WRAP_MS))
    if not late:
        _conclude(attempt, agent)
        follow(session, attempt)
    leg.become("released")
    session.unit.agents.release(agent)
    if late:
        yield env.timeout(luck.spread(_LATE_MS))
        if attempt.reported:
            attempt.chain.late_result(attempt, Result.ANSWER if attempt.person else Result.MACHINE)


def listen(session: Session, attempt: Attempt, call: Call, port: Agent, follow: Follow) -> Work:
    """The customer and an IVR port; nobody gives a result but detection."""
    yield session.env.timeout(attempt.chain.luck.spread(_IVR_MS))
    call.end()
    attempt.chain.ocs.call_times(session, attempt, call)
    attempt.chain.processed(attempt, Result.ANSWER, None)
    follow(session, attempt)
    session.pool.release(port)


def _talk(
    session: Session, attempt: Attempt, call: Call, agent: Agent, leg: Party
) -> Generator[Event, object, tuple[Agent, Party]]:
    """With a person, until one hangs up; who is the agent may change."""
    env, plan, luck = session.env, session.plan, attempt.chain.luck
    yield env.timeout(luck.spread(_TALK_MS))
    if luck.chance(_ACCOUNT_PERCENT):
        _note_account(call, leg, luck)
    if luck.chance(_HOLD_PERCENT):
        leg.become("held")
        yield env.timeout(luck.spread(_HOLD_MS))
        leg.become("connected")
    if luck.chance(plan.consult):
        yield from _consult(session, attempt, call, agent, leg)
    if luck.chance(plan.transfer):
        agent, leg = yield from _transfer(session, attempt, call, agent, leg)
    return agent, leg


def _note_account(call: Call, leg: Party, luck: Stream) -> None:
    """The desktop attaches an account number as secure data, which some agents correct or take back."""
    call.attach("account", str(luck.below(10**8)), party=leg, secure=True)
    if luck.chance(20):
        call.attach("account", str(luck.below(10**8)), change="updated", party=leg, secure=True)
    elif luck.chance(10):
        call.attach("account", None, change="deleted", party=leg, secure=True)


def _conclude(attempt: Attempt, agent: Agent) -> None:
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
        verdict = Result.ANSWER
        noted = "call back"
    else:
        noted = luck.pick(_OUTCOMES) if verdict is Result.ANSWER else ""
    chain.processed(attempt, cpd, verdict)
    if noted and attempt.reported and len(chain.customer.values) > OUTCOME:
        attempt.outcome = noted
        chain.set_field(attempt.record, OUTCOME, text(noted), attempt)


def _consult(session: Session, attempt: Attempt, call: Call, agent: Agent, leg: Party) -> Work:
    """The agent asks a colleague, and comes back to the customer."""
    colleague = session.unit.agents.take()
    if colleague is None:
        return
    second = yield from _second_call(session, attempt, call, agent, colleague, leg)
    second.end()
    leg.become("connected")
    session.unit.agents.release(colleague)


def _transfer(
    session: Session, attempt: Attempt, call: Call, agent: Agent, leg: Party
) -> Generator[Event, object, tuple[Agent, Party]]:
    """A colleague takes the customer over: the consult call is merged into the main one."""
    colleague = session.unit.agents.take()
    if colleague is None:
        return agent, leg
    second = yield from _second_call(session, attempt, call, agent, colleague, leg)
    second.end(merged_into=call)
    leg.become("released")
    new_leg = call.join(PartyType.INTERNAL, "agent", colleague.dn, "connected", colleague.dbid)
    session.unit.agents.release(agent)
    yield session.env.timeout(attempt.chain.luck.spread(_TALK_MS))
    return colleague, new_leg


def _second_call(
    session: Session, attempt: Attempt, call: Call, agent: Agent, colleague: Agent, leg: Party
) -> Generator[Event, object, Call]:
    """Agent and colleague talk while the customer is on hold; the call copies the attempt's GUID."""
    leg.become("held")
    second = Call(call.source, session.guids, session.switch, CallType.CONSULT, attempt.chain, parent=call)
    attempt.calls.append(second)
    if attempt.chain.ocs.matches:
        second.attach(ATTEMPT_KEY, attempt.guid)
    asking = second.join(PartyType.INTERNAL, "agent", agent.dn, "dialing", agent.dbid)
    asked = second.join(PartyType.INTERNAL, "agent", colleague.dn, "ringing", colleague.dbid)
    yield session.env.timeout(colleague.luck.spread((800, 2_000, 4_000)))
    asking.become("connected")
    asked.become("connected")
    yield session.env.timeout(attempt.chain.luck.spread(_CONSULT_MS))
    return second
