{# Tests of what grows look at what the run wrote: `where: chain window`, `campaign window` or
   `report days`. The rest was tested when it was written. #}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where', '') -%}
    {%- set layer = target.schema ~ '_intermediate' -%}
    {%- if where in ('chain window', 'campaign window') -%}
        (
            select * from {{ relation }}
            where {{ in_window(where.split(' ')[0], layer ~ '.int_run_window') }}
        ) as rows_written
    {%- elif where == 'report days' -%}
        (
            select * from {{ relation }}
            where report_day in (select report_day from {{ layer }}.int_report_days)
        ) as rows_written
    {%- elif where -%}
        (select * from {{ relation }} where {{ where }}) as rows_written
    {%- else -%}
        {{ relation }}
    {%- endif -%}
{%- endmacro %}
