{{
    config(
        materialized='incremental',
        pre_hook="{{ delete_report_days() }}",
        indexes=[{'columns': ['report_day']}],
    )
}}
with

attempts as (

    select * from {{ ref('fct_contact_attempt') }}
    where {{ in_report_days('attempt_day') }}

),

results as (

    select * from {{ ref('dim_call_result') }}

),

slots as (

    select * from {{ ref('mart_data_completeness') }}
    where {{ in_report_days('report_day') }} and source_role = 'gos'

),

hours as (

    select
        source_dbid as ocs_id,
        date_trunc('hour', slot_start, 'UTC') as hour_start,
        {{ completeness_of('true') }} as completeness
    from slots
    group by 1, 2

),

counted as (

    select
        attempts.attempt_day as report_day,
        date_trunc('hour', attempts.anchor_ts, 'UTC') as hour_start,
        attempts.ocs_id,
        attempts.campaign_id,
        attempts.calling_list_id,
        attempts.cpd_result_key,
        attempts.agent_result_key,
        coalesce(cpd.class, 'unknown') as cpd_class,
        coalesce(agent.class, 'unknown') as agent_class,
        coalesce(cpd.is_human, false) as cpd_is_human,
        coalesce(cpd.is_machine, false) as cpd_is_machine,
        coalesce(agent.is_human, false) as agent_is_human,
        coalesce(agent.is_machine, false) as agent_is_machine,
        count(*) as n,
        max(attempts.data_through_ts) as data_through_ts
    from attempts
    left join results as cpd on attempts.cpd_result_key = cpd.call_result_key
    left join results as agent on attempts.agent_result_key = agent.call_result_key
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13

),

-- Of the attempts that both judged: how often did detection call a machine what the agent found
-- to be a person, and the other way round?
judged as (

    select
        *,
        sum(n) over of_row as row_n,
        coalesce(sum(n) filter (where agent_is_human and (cpd_is_human or cpd_is_machine))
            over of_hour, 0) as agent_human_n,
        coalesce(sum(n) filter (where agent_is_human and cpd_is_machine) over of_hour, 0)
            as human_as_machine_n,
        coalesce(sum(n) filter (where agent_is_machine and (cpd_is_human or cpd_is_machine))
            over of_hour, 0) as agent_machine_n,
        coalesce(sum(n) filter (where agent_is_machine and cpd_is_human) over of_hour, 0)
            as machine_as_human_n
    from counted
    window
        of_hour as (partition by hour_start, report_day, ocs_id, campaign_id, calling_list_id),
        of_row as (
            partition by
                hour_start, report_day, ocs_id, campaign_id, calling_list_id, cpd_result_key
        )

),

final as (

    select
        judged.hour_start,
        judged.report_day,
        judged.ocs_id,
        judged.campaign_id,
        judged.calling_list_id,
        judged.cpd_result_key,
        judged.agent_result_key,
        judged.cpd_class,
        judged.agent_class,
        judged.n,
        judged.row_n::bigint as row_n,
        {{ share('judged.n', 'judged.row_n') }} as share_of_row,
        judged.human_as_machine_n::bigint as human_as_machine_n,
        judged.agent_human_n::bigint as agent_human_n,
        {{ share('judged.human_as_machine_n', 'judged.agent_human_n') }} as human_as_machine_rate,
        {{ wilson('judged.human_as_machine_n', 'judged.agent_human_n', 'low') }}
            as human_as_machine_low,
        {{ wilson('judged.human_as_machine_n', 'judged.agent_human_n', 'high') }}
            as human_as_machine_high,
        judged.machine_as_human_n::bigint as machine_as_human_n,
        judged.agent_machine_n::bigint as agent_machine_n,
        {{ share('judged.machine_as_human_n', 'judged.agent_machine_n') }}
            as machine_as_human_rate,
        {{ wilson('judged.machine_as_human_n', 'judged.agent_machine_n', 'low') }}
            as machine_as_human_low,
        {{ wilson('judged.machine_as_human_n', 'judged.agent_machine_n', 'high') }}
            as machine_as_human_high,
        judged.data_through_ts,
        coalesce(hours.completeness, 'unknown') as completeness,
        {{ audit_columns() }}
    from judged
    left join hours on judged.ocs_id = hours.ocs_id and judged.hour_start = hours.hour_start

)

select * from final
