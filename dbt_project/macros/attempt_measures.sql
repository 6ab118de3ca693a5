{# The measures of attempts, in one place: every mart that counts attempts counts them so. #}

{% macro result_classes() %}
    {{ return([
        'human', 'machine', 'sit', 'busy', 'no_answer', 'fax', 'trunk', 'dialer_error', 'dnc',
        'cancel', 'stale', 'unknown',
    ]) }}
{% endmacro %}

{# Sums over rows of fct_contact_attempt. A dialling time runs to the answer where there was one,
   else to the release: two things, never averaged together. #}
{% macro attempt_measures() -%}
    count(*) as attempts,
        count(*) filter (where is_dialed) as dials_made,
        count(*) filter (where is_dialed is null) as dials_unknown,
        {%- for class in result_classes() %}
        count(*) filter (where result_class = '{{ class }}') as {{ class }},
        {%- endfor %}
        {%- for class in result_classes() %}
        count(*) filter (where result_class = '{{ class }}' and is_dialed) as {{ class }}_dialed,
        {%- endfor %}
        count(*) filter (where is_human) as live_answers,
        count(*) filter (where is_human and is_dialed) as live_answers_dialed,
        count(*) filter (where is_dialed and cpd_result_key <> -1) as dials_with_cpd,
        count(*) filter (where is_dialed and is_human_by_cpd) as human_by_cpd,
        count(*) filter (where is_human and is_right_party) as right_party,
        count(*) filter (where is_overdialed) as overdialed,
        count(*) filter (where is_abandoned_tsr) as abandoned,
        count(*) filter (where is_abandoned_tsr_transfer) as abandoned_transfer_clock,
        count(*) filter (where is_human and is_abandoned_tsr is null) as abandoned_unknown,
        count(*) filter (where connected_party_type = 'agent') as connected,
        coalesce(sum(call_count), 0)::bigint as calls,
        count(*) filter (where result_restated) as results_restated,
        sum(dial_time_ms) filter (where is_answered)::bigint as answer_time_ms_sum,
        count(dial_time_ms) filter (where is_answered) as answer_time_n,
        (percentile_cont(0.5) within group (order by dial_time_ms)
            filter (where is_answered))::bigint as answer_time_ms_p50,
        (percentile_cont(0.9) within group (order by dial_time_ms)
            filter (where is_answered))::bigint as answer_time_ms_p90,
        sum(dial_time_ms) filter (where not is_answered)::bigint as release_time_ms_sum,
        count(dial_time_ms) filter (where not is_answered) as release_time_n,
        (percentile_cont(0.5) within group (order by dial_time_ms)
            filter (where not is_answered))::bigint as release_time_ms_p50,
        (percentile_cont(0.9) within group (order by dial_time_ms)
            filter (where not is_answered))::bigint as release_time_ms_p90,
        sum(cpd_time_ms)::bigint as cpd_time_ms_sum,
        count(cpd_time_ms) as cpd_time_n,
        percentile_cont(0.5) within group (order by cpd_time_ms)::bigint as cpd_time_ms_p50,
        percentile_cont(0.9) within group (order by cpd_time_ms)::bigint as cpd_time_ms_p90,
        sum(transfer_time_ms)::bigint as transfer_time_ms_sum,
        count(transfer_time_ms) as transfer_time_n,
        percentile_cont(0.5) within group (order by transfer_time_ms)::bigint
            as transfer_time_ms_p50,
        percentile_cont(0.9) within group (order by transfer_time_ms)::bigint
            as transfer_time_ms_p90,
        max(data_through_ts) as data_through_ts
{%- endmacro %}

{# The same measures by name, with the ratios that they allow. #}
{% macro attempt_measure_columns(relation) -%}
    {%- set names = ['attempts', 'dials_made', 'dials_unknown'] + result_classes() -%}
    {%- for class in result_classes() -%}{%- do names.append(class ~ '_dialed') -%}{%- endfor -%}
    {%- do names.extend([
        'live_answers', 'live_answers_dialed', 'dials_with_cpd', 'human_by_cpd', 'right_party', 'overdialed', 'abandoned',
        'abandoned_transfer_clock', 'abandoned_unknown', 'connected', 'calls', 'results_restated',
        'answer_time_ms_sum', 'answer_time_n', 'answer_time_ms_p50', 'answer_time_ms_p90',
        'release_time_ms_sum', 'release_time_n', 'release_time_ms_p50', 'release_time_ms_p90',
        'cpd_time_ms_sum', 'cpd_time_n', 'cpd_time_ms_p50', 'cpd_time_ms_p90',
        'transfer_time_ms_sum', 'transfer_time_n', 'transfer_time_ms_p50', 'transfer_time_ms_p90',
    ]) -%}
    {%- for name in names %}
        {{ relation }}.{{ name }},
    {%- endfor %}
        {{ share(relation ~ '.live_answers_dialed', relation ~ '.dials_made') }} as connect_rate,
        {{ share(relation ~ '.human_by_cpd', relation ~ '.dials_with_cpd') }} as hit_ratio,
        {{ share(relation ~ '.right_party', relation ~ '.live_answers') }} as right_party_rate,
        {{ share(relation ~ '.sit', relation ~ '.attempts') }} as sit_ratio,
        {{ share(relation ~ '.machine_dialed', relation ~ '.dials_made') }} as machine_rate,
        {{ share(relation ~ '.abandoned', relation ~ '.live_answers') }} as abandoned_rate,
        {{ relation }}.data_through_ts
{%- endmacro %}

{# Bounds of the Wilson interval of a share, at 95 per cent. #}
{% macro wilson(numerator, denominator, side) -%}
    {%- set n = 'nullif(' ~ denominator ~ ', 0)::numeric' -%}
    {%- set p = '(' ~ numerator ~ '::numeric / ' ~ n ~ ')' -%}
    {%- set sign = '-' if side == 'low' else '+' -%}
    greatest(0, least(1, (
            {{ p }} + 1.9208 / {{ n }}
            {{ sign }} 1.96 * sqrt({{ p }} * (1 - {{ p }}) / {{ n }} + 0.9604 / ({{ n }} * {{ n }}))
        ) / (1 + 3.8416 / {{ n }})))::numeric(9, 6)
{%- endmacro %}
