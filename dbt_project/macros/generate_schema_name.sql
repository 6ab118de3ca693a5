{# Plain names: `marts` itself for marts and seeds, `marts_<layer>` for the layers below them. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- set name = (custom_schema_name or target.schema) | trim -%}
    {%- if name == target.schema -%}
        {{ target.schema }}
    {%- else -%}
        {{ target.schema }}_{{ name }}
    {%- endif -%}
{%- endmacro %}
