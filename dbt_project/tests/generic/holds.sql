{# An expression over the columns of a row is true, or not known, in every row. #}
{% test holds(model, expression) %}

    select *
    from {{ model }}
    where not ({{ expression }})

{% endtest %}
