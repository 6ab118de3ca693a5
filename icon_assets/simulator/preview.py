"""Preview and push preview: the agent sees the record first, then dials from the desktop, or does not."""

from __future__ import annotations

from collections.abc import Callable, Generator

from simpy import Event

from icon_assets.simulator import outcomes
from icon_assets.simulator.agents import Agent
from icon_assets.simulator.calls import ATTEMPT_KEY, Call
from icon_assets.simulator.chain import Attempt
from icon_assets.simulator.codes import CallType, DialMode, PartyType, Result
from icon_assets.simulator.conversation import converse
from icon_assets.simulator.session import Session
from icon_assets.simulator.times import local_ms

Work = Generator[Event, object, None]
Follow = Callable[[Session, Attempt], None]
_LOOK_MS = (3_000, 8_000, 15_000, 40_000)
_CANCEL_PERCENT = 4


def run(session: Session, attempt: Attempt, agent: Agent, follow: Follow) -> Work:
    """The agent looks at the record, cancels it or dials; the call carries the attempt's GUID as user data."""
    env, luck = session.env, attempt.chain.luck
    pushed = _push(session, attempt, agent) if attempt.mode is DialMode.PUSH_PREVIEW else None
    yield env.timeout(luck.spread(_LOOK_MS))
    attempt.preview_ms = int(env.now) - attempt.began
    if pushed is not None:
        pushed.end()
        attempt.link = "user_data"
    if luck.chance(_CANCEL_PERCENT):
        attempt.chain.processed(attempt, None, Result.CANCEL)
        follow(session, attempt)
        session.unit.pool.release(agent)
        return
    yield from _dial(session, attempt, agent, follow)


def _push(session: Session, attempt: Attempt, agent: Agent) -> Call:
    """The interaction by which the Interaction Server brings the record to the desktop."""
    interaction = Call(
        session.world.ixn, session.guids, session.switch, CallType.OUTBOUND, media="interaction"
    )
    attempt.interactions.append(interaction)
    interaction.attach(ATTEMPT_KEY, attempt.guid)
    place = interaction.join(PartyType.MULTIMEDIA_PLACE, "agent", agent.dn, "ringing", agent.dbid)
    place.become("connected")
    return interaction


def _dial(session: Session, attempt: Attempt, agent: Agent, follow: Follow) -> Work:
    env, luck = session.env, attempt.chain.luck
    call = Call(session.world.tserver(session.switch), session.guids, session.switch, CallType.OUTBOUND)
    attempt.calls.append(call)
    attempt.link = "user_data"
    session.dials += 1
    leg = call.join(PartyType.INTERNAL, "agent", agent.dn, "dialing", agent.dbid)
    call.attach(ATTEMPT_KEY, attempt.guid)
    customer = call.join(PartyType.EXTERNAL, "destination", attempt.record.number, "dialing")
    real = outcomes.reach(attempt.record.kind, local_ms(attempt.chain.customer.zone, int(env.now)), luck)
    yield env.timeout(outcomes.ring_ms(real, luck))
    if real in outcomes.ANSWERED and real is not Result.FAX:
        attempt.person = real is Result.ANSWER
        call.answer(customer)
        leg.become("connected")
        yield from converse(session, attempt, call, agent, leg, follow)
        return
    call.end()
    yield env.timeout(luck.spread((1_000, 3_000, 8_000)))
    attempt.chain.processed(attempt, None, real)
    follow(session, attempt)
    session.unit.pool.release(agent)
