{# The measures of attempts, in one place: every mart that counts attempts counts them so. #}

{% macro result_classes() %}
    {{ return([
        'human', 'machine', 'sit', 'busy', 'no_answer', 'fax', 'trunk', 'dialer_error', 'dnc',
        'cancel', 'stale', 'unknown',
    ]) }}
{% endmacro %}

{# Sums over rows of fct_contact_attempt. #}
{% macro attempt_measures() -%}
    count(*) as attempts,
        count(*) filter (where is_dialed) as dials_made,
        count(*) filter (where is_dialed is null) as dials_unknown,
        {%- for class in result_classes() %}
        count(*) filter (where result_class = '{{ class }}') as {{ class }},
        count(*) filter (where result_class = '{{ class }}' and is_dialed)
            as {{ class }}_dialed,
        {%- endfor %}
        count(*) filter (where is_right_party) as right_party,
        count(*) filter (where is_overdialed) as overdialed,
        count(*) filter (where is_abandoned_tsr) as abandoned,
        count(*) filter (where is_abandoned_tsr_transfer) as abandoned_transfer_clock,
        count(*) filter (where is_human and is_abandoned_tsr is null) as abandoned_unknown,
        count(*) filter (where connected_party_type = 'agent') as connected,
        sum(call_count)::bigint as calls,
        count(*) filter (where result_restated) as results_restated,
        sum(dial_time_ms)::bigint as dial_time_ms_sum,
        count(dial_time_ms) as dial_time_n,
        percentile_cont(0.5) within group (order by dial_time_ms)::bigint as dial_time_ms_p50,
        percentile_cont(0.9) within group (order by dial_time_ms)::bigint as dial_time_ms_p90,
        sum(cpd_time_ms)::bigint as cpd_time_ms_sum,
        count(cpd_time_ms) as cpd_time_n,
        sum(transfer_time_ms)::bigint as transfer_time_ms_sum,
        count(transfer_time_ms) as transfer_time_n,
        max(data_through_ts) as data_through_ts
{%- endmacro %}

{# The same measures by name, with the ratios that they allow. #}
{% macro attempt_measure_columns() -%}
    attempts,
        dials_made,
        dials_unknown,
        {%- for class in result_classes() %}
        {{ class }},
        {{ class }}_dialed,
        {%- endfor %}
        right_party,
        overdialed,
        abandoned,
        abandoned_transfer_clock,
        abandoned_unknown,
        connected,
        calls,
        results_restated,
        dial_time_ms_sum,
        dial_time_n,
        dial_time_ms_p50,
        dial_time_ms_p90,
        cpd_time_ms_sum,
        cpd_time_n,
        transfer_time_ms_sum,
        transfer_time_n,
        {{ share('human_dialed', 'dials_made') }} as connect_rate,
        {{ share('right_party', 'human') }} as right_party_rate,
        {{ share('sit', 'attempts') }} as sit_ratio,
        {{ share('machine_dialed', 'dials_made') }} as machine_rate,
        {{ share('abandoned', 'human') }} as abandoned_rate,
        data_through_ts
{%- endmacro %}
