{# What a run touched outside its window, kept beside the marts until a run has finished well.

   Marts by report day, session or list record follow the attempts, and a chain that ends on one
   day holds attempts of others. So what the deleted attempts were counted in is noted, in the
   transaction that deletes them, and forgotten once everything that depends on it is built. The
   ledger is read by the same rule: a batch is new until a run that saw it has finished. #}

{% macro touched(what) -%}
    {{ target.schema }}_intermediate.touched_{{ what }}
{%- endmacro %}

{% macro create_touched() %}
    create table if not exists {{ touched('days') }} (report_day date not null);
    create table if not exists {{ touched('sessions') }} (session_id text not null);
    create table if not exists {{ touched('records') }} (
        calling_list_id integer not null, record_id bigint not null
    );
    create table if not exists {{ touched('batches') }} (batch_id bigint primary key)
{% endmacro %}

{# Pre-hook of fct_contact_attempt: delete_window, with a note of what the rows were counted in. #}
{% macro delete_attempts() %}
    {%- set deletion = delete_window('chain') -%}
    {%- if is_incremental() -%}
        with gone as (
            {{ deletion }}
            returning attempt_day, session_id, calling_list_id, record_id
        ),

        days as (
            insert into {{ touched('days') }}
            select distinct attempt_day from gone
        ),

        sessions as (
            insert into {{ touched('sessions') }}
            select distinct session_id from gone
            where session_id is not null
        )

        insert into {{ touched('records') }}
        select distinct
            calling_list_id,
            record_id
        from gone
        where calling_list_id is not null and record_id is not null
    {%- endif -%}
{% endmacro %}

{# Pre-hook of fct_campaign_session. #}
{% macro delete_sessions() %}
    {%- set deletion = delete_window('campaign') -%}
    {%- if is_incremental() -%}
        with gone as (
            {{ deletion }}
            returning session_id
        )

        insert into {{ touched('sessions') }}
        select session_id from gone
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

{# Condition on a report day: one of those that this run rebuilds. Written out for the planner. #}
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

{# The same for a time column without a time zone, as spans of days that follow one another. #}
{% macro in_report_spans(column) %}
    {%- set days = ref('int_report_days') -%}
    {%- if execute -%}
        {%- set spans = run_query(
            "select min(from_gmt)::text, max(till_gmt)::text from ("
            ~ " select from_gmt, till_gmt, sum(is_new) over (order by from_gmt) as span from ("
            ~ "  select from_gmt, till_gmt,"
            ~ "   (lag(till_gmt) over (order by from_gmt) is distinct from from_gmt)::integer as is_new"
            ~ "  from " ~ days ~ ") as d) as s group by span order by 1"
        ) -%}
        {%- set starts = spans.columns[0].values() | list -%}
        {%- set ends = spans.columns[1].values() | list if starts else [] -%}
        {%- if starts | length == 0 -%}
            false
        {%- elif starts | length <= 50 -%}
            (
            {%- for start in starts %}
                {{ column }} >= '{{ start }}' and {{ column }} < '{{ ends[loop.index0] }}'
                {%- if not loop.last %} or {% endif -%}
            {%- endfor %}
            )
        {%- else -%}
            {{ column }} >= '{{ starts | first }}' and {{ column }} < '{{ ends | last }}'
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

{# Condition on an interval of instants: it may touch a report day of this run. #}
{% macro touches_report_spans(entered, left) %}
    {%- set days = ref('int_report_days') -%}
    {%- if execute -%}
        {%- set bounds = run_query(
            "select instant::text from (select from_ts as instant from " ~ days
            ~ " union all select till_ts from " ~ days ~ ") as b order by instant"
        ).columns[0].values() | list -%}
        {%- if bounds | length == 0 -%}
            false
        {%- else -%}
            {{ entered }} < '{{ bounds | last }}'
            and ({{ left }} is null or {{ left }} > '{{ bounds | first }}')
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

{# The metrics of the ten-minute packet, by name, so that the index on them is used. #}
{% macro periodic_metrics() %}
    {%- set kinds = ref('enum_metric') -%}
    {%- if execute -%}
        {%- set rows = run_query("select metric from " ~ kinds ~ " where is_periodic order by 1") -%}
        '{{ rows.columns[0].values() | join("', '") }}'
    {%- endif -%}
{% endmacro %}

{# Last act of a run: if the whole project went well, nothing waits any more. #}
{% macro forget_touched(results) %}
    {%- if execute -%}
        {%- set state = namespace(well=true, ran=[]) -%}
        {%- for result in results -%}
            {%- set state.ran = state.ran + [result.node.unique_id] -%}
            {%- if result.node.resource_type in ('model', 'seed') and result.status != 'success' -%}
                {%- set state.well = false -%}
            {%- endif -%}
        {%- endfor -%}
        {%- for node in graph.nodes.values()
            if node.resource_type == 'model' and node.config.materialized == 'incremental' -%}
            {%- if node.unique_id not in state.ran -%}{%- set state.well = false -%}{%- endif -%}
        {%- endfor -%}
        {%- if state.well -%}
            truncate {{ touched('days') }}, {{ touched('sessions') }}, {{ touched('records') }};
            insert into {{ touched('batches') }}
            select batch_id from {{ target.schema }}_intermediate.int_new_batches
            on conflict (batch_id) do nothing
        {%- endif -%}
    {%- endif -%}
{% endmacro %}

{# Pre-hook of a fact kept by list record. #}
{% macro delete_report_records() %}
    {%- set records = ref('int_report_records') -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as kept
        using {{ records }} as records
        where
            kept.calling_list_id = records.calling_list_id
            and kept.record_id = records.record_id
    {%- endif -%}
{% endmacro %}

{# Pre-hook of a mart kept by campaign session. #}
{% macro delete_report_sessions() %}
    {%- set sessions = ref('int_report_sessions') -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where session_id in (select session_id from {{ sessions }})
    {%- endif -%}
{% endmacro %}
