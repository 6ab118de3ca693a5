"""The dialler: takes chains as fast as the mode and the agents allow, and makes an attempt of each."""

from __future__ import annotations

from collections.abc import Generator

from simpy import Event

from icon_assets.simulator import placed, preview
from icon_assets.simulator.agents import Agent
from icon_assets.simulator.chain import Attempt, Chain
from icon_assets.simulator.codes import RecordType, Result
from icon_assets.simulator.lists import Record
from icon_assets.simulator.pacing import TICK, Pacer
from icon_assets.simulator.session import Session
from icon_assets.simulator.times import SECOND
from icon_assets.simulator.treatment import next_step

Work = Generator[Event, object, None]


def run(session: Session) -> Work:
    """Dials until the session is stopped or its OCS dies."""
    pacer = Pacer(session)
    ocs = session.ocs
    while session.dialling and session.ocs is ocs:
        for _ in range(pacer.dials()):
            if not _take_one(session):
                break
        yield session.env.timeout(TICK)


def _take_one(session: Session) -> bool:
    """Starts an attempt on the next chain; False when there is none or nobody to serve it."""
    found = session.next()
    if found is None:
        return False
    chain, record = found
    if record.type is RecordType.PERSONAL_CALLBACK and record.agent is not None:
        return _call_back(session, chain, record, record.agent)
    agent = None
    if session.mode.needs_agent:
        agent = session.pool.take()
        if agent is None:
            session.put(chain, record, None)
            return False
    session.env.process(_attempt(session, chain, record, agent))
    return True


def _call_back(session: Session, chain: Chain, record: Record, dbid: int) -> bool:
    """A personal callback: with the agent who promised it, soon if that one talks, missed if not there."""
    wanted = session.unit.agents.find(dbid)
    if wanted is None or not wanted.logged_in:
        session.env.process(_attempt(session, chain, record, None, missed=True))
    elif (agent := session.unit.agents.take(wanted)) is not None:
        session.env.process(_attempt(session, chain, record, agent))
    else:
        session.put(chain, record, int(session.env.now) + 30 * SECOND)
    return True


def _attempt(
    session: Session, chain: Chain, record: Record, agent: Agent | None, *, missed: bool = False
) -> Work:
    """One attempt from state 2 until nothing more can be said about it."""
    if not chain.open:  # unloaded by force, or left by its OCS, in this very moment
        if agent is not None:
            session.unit.agents.release(agent)
        return
    attempt = chain.begin(record, session.mode)
    if missed:
        yield session.env.timeout(50)
        chain.processed(attempt, Result.AGENT_CALLBACK_ERROR, None)
        follow(session, attempt)
    elif session.mode.preview and agent is not None:
        yield from preview.run(session, attempt, agent, follow)
    else:
        yield from placed.run(session, attempt, agent, follow)
    attempt.chain.ocs.books.attempt(attempt)


def follow(session: Session, attempt: Attempt) -> None:
    """What comes after the result: the next number, a later try, a callback, or the end of the chain."""
    chain, record = attempt.chain, attempt.record
    if chain.open and attempt.callback is not None:
        kind, minutes, agent = attempt.callback
        record.promised = kind
        session.follow(chain, record, minutes, kind, agent)
    elif chain.open:
        step = next_step(chain, attempt)
        if step.record is None:
            session.close(chain, step.cause)
        elif step.minutes is not None or not _redial(session, chain, step.record):
            session.follow(chain, step.record, step.minutes or 0, RecordType.CAMPAIGN_RESCHEDULED)


def _redial(session: Session, chain: Chain, record: Record) -> bool:
    """From processed straight to processing, at this hour, where an agent is there or none is needed yet."""
    if not session.dialling or session.opens(chain) > session.env.now:
        return False
    agent = session.pool.take() if session.mode.needs_agent else None
    if agent is None and session.mode.needs_agent:
        return False
    session.env.process(_attempt(session, chain, record, agent))
    return True
