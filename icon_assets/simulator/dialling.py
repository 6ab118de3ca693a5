"""The dialler: takes chains as fast as the mode and the agents allow, and makes an attempt of each."""

from __future__ import annotations

from collections.abc import Generator

from simpy import Event

from icon_assets.simulator import placed, preview
from icon_assets.simulator.agents import Agent
from icon_assets.simulator.chain import Attempt, Chain
from icon_assets.simulator.codes import CampaignState, DialMode, RecordStatus, RecordType, Result
from icon_assets.simulator.lists import Record
from icon_assets.simulator.pacing import TICK, Pacer
from icon_assets.simulator.session import Session
from icon_assets.simulator.times import SECOND
from icon_assets.simulator.treatment import next_step

Work = Generator[Event, object, None]


def run(session: Session) -> Work:
    """Dials until the session is stopped."""
    pacer = Pacer(session)
    while session.state is CampaignState.STARTED:
        for _ in range(pacer.dials()):
            if not take_one(session):
                break
        yield session.env.timeout(TICK)


def take_one(session: Session) -> bool:
    """Starts an attempt on the next chain; False when there is none or nobody to serve it."""
    found = session.next()
    if found is None:
        return False
    chain, record = found
    agent = None
    if record.type is RecordType.PERSONAL_CALLBACK and record.agent is not None:
        wanted = session.unit.pool.find(record.agent)
        if not wanted.logged_in:
            session.env.process(_attempt(session, chain, record, None, missed=True))
            return True
        agent = session.unit.pool.take(wanted)
        if agent is None:  # the agent is on a call: try again soon
            session.put(chain, record, int(session.env.now) + 30 * SECOND)
            return True
    elif needs_agent_first(session.mode):
        agent = session.pool.take()
        if agent is None:
            session.put(chain, record, None)
            return False
    session.env.process(_attempt(session, chain, record, agent))
    return True


def needs_agent_first(mode: DialMode) -> bool:
    return mode.seizing or mode in (DialMode.PREVIEW, DialMode.PUSH_PREVIEW)


def _attempt(
    session: Session, chain: Chain, record: Record, agent: Agent | None, *, missed: bool = False
) -> Work:
    """One attempt from state 2 until nothing more can be said about it."""
    session.in_flight += 1
    callback, record.promised = record.promised, None
    attempt = chain.begin(record, session.mode)
    if missed:
        yield session.env.timeout(50)
        chain.processed(attempt, Result.AGENT_CALLBACK_ERROR, None)
        record.type, record.status = RecordType.CAMPAIGN_RESCHEDULED, RecordStatus.MISSED_CALLBACK
        follow(session, attempt)
    elif attempt.mode in (DialMode.PREVIEW, DialMode.PUSH_PREVIEW) and agent is not None:
        yield from preview.run(session, attempt, agent, follow)
    else:
        yield from placed.run(session, attempt, agent, follow)
    session.world.truth.attempt(attempt, callback)


def follow(session: Session, attempt: Attempt) -> None:
    """What comes after the result: the next number, a later try, a callback, or the end of the chain."""
    chain, record = attempt.chain, attempt.record
    if chain.open:
        if attempt.callback is not None:
            kind, minutes, agent = attempt.callback
            record.promised = kind
            session.follow(chain, record, minutes, kind, agent)
        else:
            step = next_step(chain, attempt)
            if step.record is None:
                session.close(chain, step.cause)
            elif step.minutes is None and _redial(session, chain, step.record):
                pass
            else:
                session.follow(chain, step.record, step.minutes or 0, RecordType.CAMPAIGN_RESCHEDULED)
    session.leave(attempt)


def _redial(session: Session, chain: Chain, record: Record) -> bool:
    """From processed straight to processing, where an agent is there or none is needed yet."""
    if session.state is not CampaignState.STARTED:
        return False
    agent = session.pool.take() if needs_agent_first(session.mode) else None
    if agent is None and needs_agent_first(session.mode):
        return False
    session.env.process(_attempt(session, chain, record, agent))
    return True
