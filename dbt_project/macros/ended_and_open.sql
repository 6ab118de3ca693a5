{# Columns of a table that belongs to chains, or to campaign sessions: the rows of ended ones as
   finalized, by their day, and those of open ones as they stand, with none. #}
{% macro ended_and_open(entity, table, columns) -%}
    {%- set open_ones, keys = {
        'chain': ('open_chain', ['chainguid', 'ocsid']),
        'campaign': ('open_session', ['sessid']),
    }[entity] -%}
    select
        final_day,
        {{ columns | join(',\n        ') }}
    from {{ source('final', table) }}
    union all
    select
        null::date,
        changes.{{ columns | join(',\n        changes.') }}
    from {{ source('idb', table) }} as changes
    inner join {{ source('ops', open_ones) }} as objects
        on
            {%- for key in keys %}
            changes.{{ key }} = objects.{{ key }}{{ ' and' if not loop.last }}
            {%- endfor %}
{%- endmacro %}
