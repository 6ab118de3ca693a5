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
from icon_assets.simulator.randomness import Stream
from icon_assets.simulator.session import Session
from icon_assets.simulator.times import local_ms

Work = Generator[Event, object, None]
Follow = Callable[[Session, Attempt], None]
_LOOK_MS = (3_000, 8_000, 15_000, 40_000)
_NOTE_MS = (1_000, 3_000, 8_000)
_AGAIN_PERCENT = 40  # of busy numbers the agent dials once more within the attempt
# What OCS makes of a preview on the desktop at logout (its option agent_logout_preview_call_result).
LOGOUT_RESULT = Result.STALE


def run(session: Session, attempt: Attempt, agent: Agent, follow: Follow) -> Work:
    """The agent looks at the record, cancels it or dials; the call carries the attempt's GUID."""
    env, luck = session.env, attempt.chain.luck
    pushed = _push(session, attempt, agent) if attempt.mode is DialMode.PUSH_PREVIEW else None
    agent.desk = env.event()
    yield agent.desk | env.timeout(luck.spread(_LOOK_MS))
    logged_out, agent.desk = agent.desk.triggered, None
    attempt.preview_ms = int(env.now) - attempt.began
    if pushed is not None:
        pushed.end()
    if not attempt.chain.open:  # the record was taken from the desktop, when its chain ended if it did
        ended = attempt.chain.cause is not None
        attempt.preview_ms = attempt.chain.ended - attempt.started if ended else 0
    elif logged_out:
        attempt.chain.processed(attempt, LOGOUT_RESULT, None)
        follow(session, attempt)
    elif luck.chance(session.plan.cancel):
        attempt.chain.processed(attempt, None, Result.CANCEL)
        follow(session, attempt)
    else:
        yield from _dial(session, attempt, agent, follow)
        return
    session.unit.agents.release(agent)


def _push(session: Session, attempt: Attempt, agent: Agent) -> Call:
    """The interaction by which the Interaction Server brings the record to the desktop."""
    source = session.unit.ixn
    interaction = Call(
        source, session.guids, session.switch, CallType.OUTBOUND, attempt.chain, media="interaction"
    )
    attempt.interactions.append(interaction)
    _attach(attempt, interaction)
    place = interaction.join(PartyType.MULTIMEDIA_PLACE, "agent", agent.dn, "ringing", agent.dbid)
    place.become("connected")
    return interaction


def _attach(attempt: Attempt, call: Call) -> None:
    """The desktop attaches the GUID, and desktops differ: other case, blanks, as secure data."""
    if not attempt.chain.ocs.matches:
        return
    style: Stream = attempt.chain.luck
    key = ATTEMPT_KEY.lower() if style.chance(5) else ATTEMPT_KEY
    value = f" {attempt.guid} " if style.chance(5) else attempt.guid
    call.attach(key, value, secure=style.chance(5))
    if call.stored:
        attempt.link = "user_data"


def _dial(session: Session, attempt: Attempt, agent: Agent, follow: Follow) -> Work:
    """One call, or a second one to a busy number; then the talk, or the agent's note that there was none."""
    env, luck = session.env, attempt.chain.luck
    source = session.unit.tserver
    again = luck.chance(_AGAIN_PERCENT)
    while True:
        call = Call(source, session.guids, session.switch, CallType.OUTBOUND, attempt.chain)
        attempt.calls.append(call)
        leg = call.join(PartyType.INTERNAL, "agent", agent.dn, "dialing", agent.dbid)
        _attach(attempt, call)
        customer = call.join(PartyType.EXTERNAL, "destination", attempt.record.number, "dialing")
        now = local_ms(attempt.chain.customer.zone, int(env.now))
        real = outcomes.reach(attempt.record.kind, now, luck)
        yield env.timeout(outcomes.ring_ms(real, luck))
        if real in (Result.ANSWER, Result.MACHINE):
            attempt.person = real is Result.ANSWER
            call.answer(customer)
            leg.become("connected")
            yield from converse(session, attempt, call, agent, leg, follow)
            return
        call.end()
        yield env.timeout(luck.spread(_NOTE_MS))
        if real is not Result.BUSY or not again:
            break
        again = False
    attempt.chain.processed(attempt, None, real)
    follow(session, attempt)
    session.unit.agents.release(agent)
