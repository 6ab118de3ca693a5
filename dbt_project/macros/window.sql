{# The days that a run rebuilds. `int_run_window` fixes them once; every other model asks here. #}

{# Whether the run must take every day: asked to, or a model is new and has no history yet. #}
{% macro takes_every_day() %}
    {%- set found = namespace(missing=flags.FULL_REFRESH) -%}
    {%- if execute -%}
        {%- for node in graph.nodes.values()
            if node.resource_type == 'model' and node.config.materialized == 'incremental' -%}
            {%- if adapter.get_relation(node.database, node.schema, node.alias) is none -%}
                {%- set found.missing = true -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found.missing) }}
{% endmacro %}

{# The days themselves, as ISO text: written into the SQL so that the planner prunes partitions and
   uses indexes. A test has no reference to the window, so it names the table. #}
{% macro window_days(entity, window=none) %}
    {%- set window = window or ref('int_run_window') -%}
    {%- if not execute -%}{{ return([]) }}{%- endif -%}
    {%- set rows = run_query(
        "select day::text from " ~ window ~ " where entity = '" ~ entity ~ "' order by day"
    ) -%}
    {{ return(rows.columns[0].values() | list) }}
{% endmacro %}

{# Condition on a source of ended and open objects: those of this run's days, and the open ones. #}
{% macro in_window(entity, window=none) %}
    {%- set window = window or ref('int_run_window') -%}
    {%- set days = window_days(entity, window) -%}
    {%- if days | length == 0 -%}
        final_day is null
    {%- elif days | length <= 400 -%}
        (final_day is null or final_day in ('{{ days | join("', '") }}'))
    {%- else -%}
        (
            final_day is null
            or final_day between '{{ days | first }}' and '{{ days | last }}'
            and final_day in (select day from {{ window }} where entity = '{{ entity }}')
        )
    {%- endif -%}
{% endmacro %}

{# Condition on open objects: the marts do not hold them as ended on a day that this run leaves
   alone. A chain that came back to life is both until its day is finalized again. The mart is read
   as the last run left it, so it is named and not referred to. #}
{% macro not_ended_before(mart, objects, keys, entity) %}
    {%- set built = adapter.get_relation(target.database, target.schema, mart) -%}
    {%- if built is none -%}
        true
    {%- else -%}
        not exists (
            select 1 from {{ built }} as built
            where
                {%- for key in keys %}
                built.{{ key }} = {{ objects }}.{{ key }} and
                {%- endfor %}
                built.final_day is not null
                and built.final_day not in (
                    select day from {{ ref('int_run_window') }} where entity = '{{ entity }}'
                )
        )
    {%- endif -%}
{% endmacro %}

{# Pre-hook of a mart kept by day of termination: takes out what this run writes anew. #}
{% macro delete_window(entity) %}
    {%- set condition = in_window(entity) -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where {{ condition }}
    {%- endif -%}
{% endmacro %}

{# A full refresh of some marts would leave them with one window's rows, and the rest as it was. #}
{% macro refuse_partial_full_refresh() %}
    {%- if execute and flags.FULL_REFRESH -%}
        {%- set kept = namespace(selected=0, all=0) -%}
        {%- for node in graph.nodes.values()
            if node.resource_type == 'model' and node.config.materialized == 'incremental' -%}
            {%- set kept.all = kept.all + 1 -%}
            {%- if node.unique_id in selected_resources -%}
                {%- set kept.selected = kept.selected + 1 -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if 0 < kept.selected < kept.all -%}
            {{ exceptions.raise_compiler_error(
                'a full refresh rebuilds all marts: drop --select and --exclude'
            ) }}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
