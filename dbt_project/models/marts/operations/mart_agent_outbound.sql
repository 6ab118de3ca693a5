{{
    config(
        materialized='incremental',
        pre_hook="{{ delete_report_days() }}",
        indexes=[{'columns': ['report_day']}, {'columns': ['agent_id', 'interval_start']}],
    )
}}
with

work as (

    select * from {{ ref('fct_agent_attempt') }}
    where {{ in_report_days('attempt_day') }}

),

attempts as (

    select * from {{ ref('fct_contact_attempt') }}
    where {{ in_report_days('attempt_day') }}

),

completeness as (

    select * from {{ ref('int_completeness') }}

),

-- Work counts where it was offered: when the agent's line came up, or the record to the desktop.
offered as (

    select
        work.attempt_day as report_day,
        {{ quarter('coalesce(work.joined_ts, attempts.anchor_ts)') }} as interval_start,
        work.ocs_id,
        work.agent_id,
        work.campaign_id,
        work.preview_ms,
        work.dial_ms,
        work.ring_ms,
        work.engage_ms,
        work.asm_engage_ms,
        work.hold_ms,
        work.wrap_ms,
        work.consult_ms,
        work.is_anchor,
        work.is_previewed,
        work.call_relation = 'consult' as is_consult,
        work.is_customer_call as is_offered,
        coalesce(work.engage_ms, 0) + coalesce(work.hold_ms, 0) > 0 as is_accepted,
        attempts.is_human,
        attempts.is_right_party,
        attempts.agent_result_key <> -1 as has_agent_result,
        attempts.data_through_ts
    from work
    inner join attempts
        on
            work.chain_guid = attempts.chain_guid
            and work.ocs_id = attempts.ocs_id
            and work.call_attempt_guid = attempts.call_attempt_guid

),

counted as (

    select
        report_day,
        interval_start,
        ocs_id,
        agent_id,
        campaign_id,
        count(*) filter (where is_anchor and is_previewed) as previewed,
        count(*) filter (where is_offered) as offered,
        count(*) filter (where is_accepted) as accepted,
        count(*) filter (where is_accepted and is_anchor and is_human) as human_handled,
        count(*) filter (where is_accepted and is_anchor and is_human and is_right_party)
            as right_party_handled,
        count(*) filter (
            where is_accepted and engage_ms <= {{ var('short_call_ms') }}
        ) as short_calls,
        count(*) filter (where is_consult) as consults,
        count(*) filter (where is_anchor and has_agent_result) as results_set,
        coalesce(sum(preview_ms), 0)::bigint as preview_ms,
        coalesce(sum(dial_ms), 0)::bigint as dial_ms,
        coalesce(sum(ring_ms), 0)::bigint as ring_ms,
        coalesce(sum(engage_ms), 0)::bigint as engage_ms,
        coalesce(sum(asm_engage_ms), 0)::bigint as asm_engage_ms,
        coalesce(sum(hold_ms), 0)::bigint as hold_ms,
        coalesce(sum(wrap_ms), 0)::bigint as wrap_ms,
        coalesce(sum(consult_ms), 0)::bigint as consult_ms,
        max(data_through_ts) as data_through_ts
    from offered
    group by report_day, interval_start, ocs_id, agent_id, campaign_id

),

final as (

    select
        counted.interval_start,
        counted.report_day,
        counted.ocs_id,
        counted.agent_id,
        counted.campaign_id,
        counted.previewed,
        counted.offered,
        counted.accepted,
        counted.human_handled,
        counted.right_party_handled,
        counted.short_calls,
        counted.consults,
        counted.results_set,
        counted.preview_ms,
        counted.dial_ms,
        counted.ring_ms,
        counted.engage_ms,
        counted.asm_engage_ms,
        counted.hold_ms,
        counted.wrap_ms,
        counted.consult_ms,
        counted.engage_ms + counted.hold_ms + counted.wrap_ms as handle_ms,
        {{ share('counted.right_party_handled', 'counted.human_handled') }} as conversion,
        counted.data_through_ts,
        coalesce(completeness.completeness, 'unknown') as completeness,
        {{ audit_columns() }}
    from counted
    left join completeness
        on
            counted.ocs_id = completeness.ocs_id
            and counted.report_day = completeness.report_day

)

select * from final
