"""Attempts whose call OCS (or GVP) places: dial, answer, detection, and the hand-over to an agent or a port."""

from __future__ import annotations

from collections.abc import Callable, Generator

from simpy import Event

from icon_assets.simulator import lines, outcomes
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


def run(session: Session, attempt: Attempt, agent: Agent | None, follow: Follow) -> Work:
    """One placed call. `agent`: reserved before the dial (seizing, personal callback), or None."""
    env, chain, luck = session.env, attempt.chain, attempt.chain.luck
    call = Call(session.world.tserver(session.switch), session.guids, session.switch, CallType.OUTBOUND)
    attempt.calls.append(call)
    attempt.detected = True
    call.attach(ATTEMPT_KEY, attempt.guid)
    leg = None
    if agent is not None:
        leg = yield from engage(session, call, agent)
    session.placing += 1
    session.dials += 1
    dialed = int(env.now)
    customer = call.join(PartyType.EXTERNAL, "destination", attempt.record.number, "dialing")
    report_call(session, attempt, call)
    real = outcomes.reach(attempt.record.kind, local_ms(chain.customer.zone, dialed), luck)
    yield env.timeout(outcomes.ring_ms(real, luck))
    session.placing -= 1
    if real not in outcomes.ANSWERED:
        attempt.dialing_ms = int(env.now) - dialed
        _finish(session, attempt, call, agent, real, follow)
        return
    attempt.person = real is Result.ANSWER
    call.answer(customer)
    session.engaged += 1
    if session.plan.cpd != "none":
        attempt.dialing_ms = int(env.now) - dialed
    verdict, took = outcomes.detect(session.plan, real, luck)
    if took:
        yield env.timeout(took)
    if session.plan.cpd == "server":
        attempt.cpd_ms = took
    if verdict is not Result.ANSWER:
        _finish(session, attempt, call, agent, verdict, follow)
        return
    session.answers += 1
    yield from hand_over(session, attempt, call, agent, leg, follow)


def report_call(session: Session, attempt: Attempt, call: Call) -> None:
    """OCS names the call of an attempt where it places the call itself."""
    if attempt.mode.reports_call:
        attempt.link = "chain_call"
        body = lines.chain_call(attempt.chain.guid, attempt.guid, call.callid, session.switch)
        session.ocs.source.emit("chain_call", body)
    else:
        attempt.link = "user_data"


def engage(session: Session, call: Call, agent: Agent) -> Generator[Event, object, Party]:
    """An agent is put on the line before there is a customer."""
    leg = call.join(PartyType.INTERNAL, "agent", agent.dn, "ringing", agent.dbid)
    yield session.env.timeout(agent.luck.spread((300, 800, 1_500)))
    leg.become("connected")
    return leg


def _finish(
    session: Session, attempt: Attempt, call: Call, agent: Agent | None, result: Result, follow: Follow
) -> None:
    """The call brought nobody to an agent."""
    if call.answered is not None:
        session.engaged -= 1
    call.end()
    session.ocs.call_times(session, attempt, call)
    attempt.chain.processed(attempt, result, None)
    follow(session, attempt)
    if agent is not None:
        session.unit.pool.release(agent)


def hand_over(
    session: Session, attempt: Attempt, call: Call, agent: Agent | None, leg: Party | None, follow: Follow
) -> Work:
    """Someone answered: the call goes to an agent or an IVR port; without one it is overdialled."""
    env, luck = session.env, attempt.chain.luck
    detected = int(env.now)
    agent = agent or session.pool.take()
    if agent is None:
        attempt.overdialed = True
        session.overdials += 1
        session.ocs.overdialed(session, attempt, call)
        agent = yield from session.pool.wait(luck.spread(_PATIENCE_MS))
    if agent is None:
        hung_up = luck.chance(70)
        _finish(session, attempt, call, None, Result.ABANDONED if hung_up else Result.DROPPED, follow)
        return
    if leg is None:
        role = "ivr" if attempt.mode.to_ivr else "agent"
        leg = call.join(PartyType.INTERNAL, role, agent.dn, "ringing", None if role == "ivr" else agent.dbid)
        yield env.timeout(agent.luck.spread((80, 250, 500, 1_200)))
        leg.become("connected")
    session.engaged -= 1
    if session.plan.cpd == "server":
        attempt.transfer_ms = int(env.now) - detected
    talk = listen if attempt.mode.to_ivr else converse
    yield from talk(session, attempt, call, agent, leg, follow)
