"""The rules of `idb.quality` as asset checks of the IDB tables: how many rows break each, and ten of them."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from icon_assets.database import Database
from icon_assets.idb.quality import RULES, Found, find

_EXAMPLES = 10
_SPECS = {
    rule.name: dg.AssetCheckSpec(
        rule.name, asset=dg.AssetKey(["idb", rule.table]), description=f"{rule.description} {rule.advice}"
    )
    for rule in RULES.values()
}


@dg.multi_asset_check(name="rule_checks", specs=list(_SPECS.values()), can_subset=True)
def rule_checks(
    context: dg.AssetCheckExecutionContext, database: dg.ResourceParam[Database]
) -> Iterator[dg.AssetCheckResult]:
    """For the nightly pass, since rules read whole histories. What breaks one is in the data: a warning."""
    with database.operator.connect() as connection:
        for rule in RULES.values():
            spec = _SPECS[rule.name]
            if spec.key in context.selected_asset_check_keys:
                yield _result(spec, find(connection, rule, _EXAMPLES))


def _result(spec: dg.AssetCheckSpec, found: Found) -> dg.AssetCheckResult:
    metadata: dict[str, Any] = {"rows": found.count}
    if found.examples:  # an empty table is no value of Dagster's
        metadata["examples"] = dg.MetadataValue.table(
            [dg.TableRecord({name: _shown(value) for name, value in row.items()}) for row in found.examples]
        )
    return dg.AssetCheckResult(
        passed=not found.count,
        asset_key=spec.asset_key,
        check_name=spec.name,
        severity=dg.AssetCheckSeverity.WARN,
        metadata=metadata,
    )


def _shown(value: object) -> str | int | float | bool | None:
    """A table of the UI holds plain values only."""
    return value if value is None or isinstance(value, str | int | float) else str(value)
