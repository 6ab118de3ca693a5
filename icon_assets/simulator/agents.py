"""Agents and IVR ports: who is free, who gets the next call, who goes home."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass

from simpy import Environment, Event

from icon_assets.simulator.randomness import Stream


@dataclass(slots=True, eq=False)
class Agent:
    """One person at one desk, or one port. `desk`: a preview on the desktop, to be triggered by a logout."""

    dbid: int
    dn: str
    luck: Stream
    logged_in: bool = False
    leaving: bool = False
    idle_since: int = 0
    desk: Event | None = None


class AgentPool:
    """The agents of one group: those idle in order of waiting, and calls that wait for one of them.

    `waited_ms`, `offers`: what the pacing by wait time looks at; `present`: how many are logged in.
    """

    def __init__(self, env: Environment, agents: list[Agent]) -> None:
        self.agents = agents
        self.present = 0
        self.waited_ms = 0
        self.offers = 0
        self._env = env
        self._by_dbid = {agent.dbid: agent for agent in agents}
        self._idle: deque[Agent] = deque()
        self._calls: deque[Event] = deque()

    @property
    def idle(self) -> int:
        """How many are free."""
        return len(self._idle)

    def find(self, dbid: int) -> Agent | None:
        """The agent of that DBID, if of this group."""
        return self._by_dbid.get(dbid)

    def take(self, wanted: Agent | None = None) -> Agent | None:
        """An idle agent, the longest idle or the wanted one, now busy; None if there is none."""
        if not self._idle or (wanted is not None and wanted not in self._idle):
            return None
        agent = wanted or self._idle[0]
        self._idle.remove(agent)
        self.waited_ms += int(self._env.now) - agent.idle_since
        self.offers += 1
        return agent

    def wait(self, patience: int) -> Generator[Event, object, Agent | None]:
        """The first agent to become free within `patience` ms, else None."""
        call = self._env.event()
        self._calls.append(call)
        yield call | self._env.timeout(patience)
        if not call.triggered:
            self._calls.remove(call)
            return None
        agent: Agent | None = call.value
        return agent

    def release(self, agent: Agent) -> None:
        """An agent is free again: for the longest waiting call, for the idle queue, or to go home."""
        if agent.leaving:
            agent.leaving = agent.logged_in = False
            self.present -= 1
        elif self._calls:
            self._calls.popleft().succeed(agent)
        else:
            agent.idle_since = int(self._env.now)
            self._idle.append(agent)

    def log_in(self, agent: Agent) -> None:
        """Ready for calls."""
        agent.leaving = False
        if not agent.logged_in:
            agent.logged_in = True
            self.present += 1
            self.release(agent)

    def log_out(self, agent: Agent) -> None:
        """At once if idle, else after the call in hand."""
        if agent in self._idle:
            self._idle.remove(agent)
            agent.logged_in = False
            self.present -= 1
        elif agent.logged_in:
            agent.leaving = True
