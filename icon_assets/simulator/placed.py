"""Attempts whose call OCS or GVP places: dial, answer, detection, the hand-over to an agent or a port."""

from __future__ import annotations

from collections.abc import Callable, Generator

from simpy import Event

from icon_assets.simulator import outcomes
from icon_assets.simulator.agents import Agent
from icon_assets.simulator.calls import ATTEMPT_KEY, Call, Party
from icon_assets.simulator.chain import Attempt
from icon_assets.simulator.codes import CallType, PartyType, Result
from icon_assets.simulator.conversation import converse, listen
from icon_assets.simulator.session import Session
from icon_assets.simulator.times import local_ms

Work = Generator[Event, object, None]
Follow = Callable[[Session, Attempt], None]
_PATIENCE_MS = (1_500, 3_000, 6_000, 15_000)
_HANGS_UP_PERCENT = 70  # of customers who wait in vain; the others are dropped by the system
_NAMED_LATE_PERCENT = 3  # calls that OCS reports first without the call's GUID, then with it


def run(session: Session, attempt: Attempt, agent: Agent | None, follow: Follow) -> Work:
    """One placed call. `agent`: reserved before the dial (seizing, personal callback), or None."""
    env, luck = session.env, attempt.chain.luck
    call = _place(session, attempt)
    leg = None
    if agent is not None:
        leg = yield from _engage(session, call, agent)
    session.placing += 1
    dialed = int(env.now)
    customer = call.join(PartyType.EXTERNAL, "destination", attempt.record.number, "dialing")
    real = _reach(attempt, dialed)
    yield env.timeout(outcomes.ring_ms(real, luck))
    session.placing -= 1
    if session.plan.cpd != "none" or real not in outcomes.ANSWERED:
        attempt.dialing_ms = int(env.now) - dialed
    if real not in outcomes.ANSWERED:
        _finish(session, attempt, call, agent, real, follow)
        return
    attempt.person = real is Result.ANSWER
    call.answer(customer)
    session.engaged += 1
    verdict, took = outcomes.detect(session.plan, real, luck)
    if took:
        yield env.timeout(took)
    if session.plan.cpd == "server":
        attempt.cpd_ms = took
    if verdict is not Result.ANSWER:
        session.engaged -= 1
        _finish(session, attempt, call, agent, verdict, follow)
        return
    session.answers += 1
    yield from _hand_over(session, attempt, call, agent, leg, follow)


def _place(session: Session, attempt: Attempt) -> Call:
    """The call, with the attempt's GUID in its user data, and named by OCS where OCS places it itself."""
    source = session.unit.tserver
    call = Call(source, session.guids, session.switch, CallType.OUTBOUND, attempt.chain)
    attempt.calls.append(call)
    attempt.detected = True
    ocs = attempt.chain.ocs
    if not ocs.matches:
        return call
    call.attach(ATTEMPT_KEY, attempt.guid)
    if attempt.mode.reports_call:
        if attempt.chain.luck.chance(_NAMED_LATE_PERCENT):
            ocs.chain_call(attempt, None)
        ocs.chain_call(attempt, call)
        attempt.link = "chain_call"
    elif call.stored:
        attempt.link = "user_data"
    return call


def _reach(attempt: Attempt, now: int) -> Result:
    """What the number really answers with."""
    customer = attempt.chain.customer
    if customer.runaway is not None:
        return Result.BUSY
    return outcomes.reach(attempt.record.kind, local_ms(customer.zone, now), attempt.chain.luck)


def _engage(session: Session, call: Call, agent: Agent) -> Generator[Event, object, Party]:
    """An agent is put on the line before there is a customer."""
    leg = call.join(PartyType.INTERNAL, "agent", agent.dn, "ringing", agent.dbid)
    yield session.env.timeout(agent.luck.spread((300, 800, 1_500)))
    leg.become("connected")
    return leg


def _finish(
    session: Session, attempt: Attempt, call: Call, agent: Agent | None, result: Result, follow: Follow
) -> None:
    """The call brought nobody to an agent."""
    call.end()
    attempt.chain.ocs.call_times(session, attempt, call)
    attempt.chain.processed(attempt, result, None)
    follow(session, attempt)
    if agent is not None:
        session.unit.agents.release(agent)


def _hand_over(
    session: Session, attempt: Attempt, call: Call, agent: Agent | None, leg: Party | None, follow: Follow
) -> Work:
    """Someone answered: the call goes to an agent or an IVR port; without one it is overdialled."""
    env = session.env
    detected = int(env.now)
    agent = agent or session.pool.take()
    if agent is None:
        agent = yield from _overdialed(session, attempt, call)
    session.engaged -= 1
    if agent is None:
        hangs_up = attempt.chain.luck.chance(_HANGS_UP_PERCENT)
        _finish(session, attempt, call, None, Result.ABANDONED if hangs_up else Result.DROPPED, follow)
        return
    if leg is None:
        role, dbid = ("ivr", None) if attempt.mode.to_ivr else ("agent", agent.dbid)
        leg = call.join(PartyType.INTERNAL, role, agent.dn, "ringing", dbid)
        yield env.timeout(agent.luck.spread((80, 200, 400, 900)))
        leg.become("connected")
    if session.plan.cpd == "server":
        attempt.transfer_ms = int(env.now) - detected
    if attempt.mode.to_ivr:
        yield from listen(session, attempt, call, agent, follow)
    else:
        yield from converse(session, attempt, call, agent, leg, follow)


def _overdialed(session: Session, attempt: Attempt, call: Call) -> Generator[Event, object, Agent | None]:
    """Nobody is free: the customer waits in a queue, as long as patience lasts."""
    if attempt.chain.open:
        attempt.overdialed = True
        attempt.chain.ocs.overdialed(session, attempt, call)
    session.overdials += 1
    queue = call.join(PartyType.INTERNAL, "queue", f"q{session.unit.group}", "queued")
    agent = yield from session.pool.wait(attempt.chain.luck.spread(_PATIENCE_MS))
    queue.become("released")
    return agent
