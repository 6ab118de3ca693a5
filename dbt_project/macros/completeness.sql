{# What several slots come to together: complete if all are, dark if all are, else partial. A slot
   of which no link is known leaves the whole unknown, unless something is missing anyway. #}
{% macro completeness_of(condition) -%}
    case
            when bool_and(completeness = 'complete') filter (where {{ condition }}) then 'complete'
            when bool_and(completeness = 'dark') filter (where {{ condition }}) then 'dark'
            when bool_or(completeness in ('partial', 'dark')) filter (where {{ condition }})
                then 'partial'
            else 'unknown'
        end
{%- endmacro %}

{# Length of a multirange of instants in whole seconds. #}
{% macro seconds_of(span) -%}
    coalesce(
            (
                select round(sum(extract(epoch from upper(piece) - lower(piece))))::integer
                from unnest({{ span }}) as pieces (piece)
            ),
            0
        )
{%- endmacro %}

{# The quarter of an hour that an instant is in. #}
{% macro quarter(instant) -%}
    date_bin('15 minutes', {{ instant }}, '2000-01-01 00:00:00+00'::timestamptz)
{%- endmacro %}
