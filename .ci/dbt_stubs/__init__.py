"""What sqlfluff's jinja templater lacks of dbt, so that models are linted without a database."""

from types import SimpleNamespace

execute = True
flags = SimpleNamespace(FULL_REFRESH=False)
target = SimpleNamespace(database="icon", schema="marts", name="icon")
adapter = SimpleNamespace(get_relation=lambda *_: "marts.relation")
graph = SimpleNamespace(nodes={})
invocation_id = "invocation"


def env_var(name, default=""):
    """The default, whatever the environment says: linting must not depend on it."""
    return default


def run_query(_statement):
    """An answer without rows."""
    return SimpleNamespace(columns=[{}])
