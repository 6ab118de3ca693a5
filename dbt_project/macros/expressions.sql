{# Small expressions that several models share. #}

{# IDB keeps wall-clock GMT; marts speak timestamptz. #}
{% macro utc(column) -%}
    {{ column }} at time zone 'UTC'
{%- endmacro %}

{# Whole milliseconds from one instant to another. #}
{% macro ms_between(earlier, later) -%}
    (extract(epoch from {{ later }} - {{ earlier }}) * 1000)::bigint
{%- endmacro %}

{# Of the rows of a group that meet a condition, the value of the first in an order. #}
{% macro pick(value, order, condition='true') -%}
    (array_agg({{ value }} order by {{ order }}) filter (where {{ condition }}))[1]
{%- endmacro %}

{# A time that may not be negative, and stays unknown where it is: greatest() would make it 0. #}
{% macro not_negative(time) -%}
    case when {{ time }} < 0 then 0 else {{ time }} end
{%- endmacro %}

{# A share between 0 and 1; null when there is nothing to share. #}
{% macro share(numerator, denominator) -%}
    ({{ numerator }}::numeric / nullif({{ denominator }}, 0))::numeric(9, 6)
{%- endmacro %}

{# The result that counts: the agent's where one was given, else that of call progress detection. #}
{% macro effective_result(agent, cpd) -%}
    coalesce({{ agent }}, {{ cpd }})
{%- endmacro %}

{# A number or address as marts may show it: the first three characters and the last two. #}
{% macro masked(contact) -%}
    case
        when length({{ contact }}) > 7 then left({{ contact }}, 3) || '…' || right({{ contact }}, 2)
        when {{ contact }} is not null then '…'
    end
{%- endmacro %}

{# A stable pseudonym of a number or address, keyed so that it cannot be looked up in a table. #}
{% macro contact_token(contact) -%}
    ops.contact_token({{ contact }})
{%- endmacro %}

{# The day of a report: bounded by the midnights of the report's zone. #}
{% macro report_day(instant) -%}
    ({{ instant }} at time zone '{{ var("report_time_zone") }}')::date
{%- endmacro %}

{# The instant at which a report day begins. #}
{% macro midnight(day) -%}
    (({{ day }})::timestamp at time zone '{{ var("report_time_zone") }}')
{%- endmacro %}

{# Tail of each mart: when the row was written, by which run. #}
{% macro audit_columns() -%}
    now() as built_at,
    '{{ invocation_id }}'::text as run_id
{%- endmacro %}

{# Whether a live answer went without an agent for more than two seconds of the given clock. #}
{% macro is_abandoned(clock) -%}
    case
            when not is_human then false
            when connected_party_type = 'agent' and {{ clock }} is not null
                then {{ clock }} > {{ var('abandon_after_ms') }}
            when is_dropped_result or is_abandoned_result then true
            -- A result from an agent proves that one was there, on a line that is not watched.
            when connected_party_type in ('ivr', 'none') and agent_result is null then true
        end
{%- endmacro %}
