{# Marts by report day follow the attempts, and a chain that ends on one day holds attempts of
   others. So the days of deleted attempts are noted, in the transaction that deletes them, and
   forgotten once every mart by report day has been built. #}

{% macro touched_days() -%}
    {{ target.schema }}_intermediate.touched_days
{%- endmacro %}

{% macro create_touched_days() %}
    create table if not exists {{ touched_days() }} (report_day date not null)
{% endmacro %}

{# Pre-hook of fct_contact_attempt. #}
{% macro delete_window_noting_days() %}
    {%- set deletion = delete_window('chain') -%}
    {%- if is_incremental() -%}
        with gone as (
            {{ deletion }}
            returning attempt_day
        )

        insert into {{ touched_days() }}
        select distinct attempt_day from gone
    {%- endif -%}
{% endmacro %}

{# Pre-hook of a mart kept by report day. #}
{% macro delete_report_days() %}
    {%- set days = ref('int_report_days') -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where report_day in (select report_day from {{ days }})
    {%- endif -%}
{% endmacro %}

{# Condition on attempts: those of the report days that this run rebuilds. #}
{% macro in_report_days(column) %}
    {%- set days = ref('int_report_days') -%}
    {%- if execute -%}
        {%- set rows = run_query("select report_day::text from " ~ days ~ " order by 1") -%}
        {%- set found = rows.columns[0].values() | list -%}
        {%- if found | length == 0 -%}
            false
        {%- elif found | length <= 400 -%}
            {{ column }} in ('{{ found | join("', '") }}')
        {%- else -%}
            {{ column }} in (select report_day from {{ days }})
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

{# Last act of a run: if all of it went well, no day waits any more. #}
{% macro forget_touched_days(results) %}
    {%- if execute -%}
        {%- set ran = results | map(attribute='node.unique_id') | list -%}
        {%- set bad = results | rejectattr('status', 'in', ['success', 'pass', 'warn', 'no-op']) | list -%}
        {%- set left_out = namespace(any=false) -%}
        {%- for node in graph.nodes.values()
            if node.resource_type == 'model' and node.config.meta.get('by_report_day') -%}
            {%- if node.unique_id not in ran -%}{%- set left_out.any = true -%}{%- endif -%}
        {%- endfor -%}
        {%- if bad | length == 0 and not left_out.any -%}
            truncate {{ touched_days() }}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
