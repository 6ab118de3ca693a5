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

snapshots as (

    select * from {{ ref('fct_list_metric_snapshot') }}
    where {{ in_report_days('report_day') }} and object_type = 'group' and is_received

),

pairs as (

    select * from {{ ref('enum_reconciliation') }}

),

completeness as (

    select * from {{ ref('int_completeness') }}

),

-- Each attempt as two sources see it.
seen as (

    select
        attempts.attempt_day as report_day,
        attempts.ocs_id,
        attempts.campaign_id,
        attempts.data_through_ts,
        sides.pair,
        sides.is_left,
        sides.is_right
    from attempts
    cross join lateral (
        values
        ('dialed_attempts_and_calls', coalesce(attempts.is_dialed, false), attempts.call_count > 0),
        (
            'dialed_attempts_and_dial_times',
            coalesce(attempts.is_dialed, false),
            attempts.dial_time_ms is not null
        ),
        (
            'overdialed_and_abandoned',
            attempts.is_overdialed,
            coalesce(attempts.is_abandoned_tsr, false)
        ),
        (
            'detected_and_connected_people',
            attempts.is_human_by_cpd,
            coalesce(attempts.connected_party_type = 'agent', false)
        )
    ) as sides (pair, is_left, is_right)

),

counted as (

    select
        report_day,
        ocs_id,
        campaign_id,
        pair,
        count(*) filter (where is_left) as left_count,
        count(*) filter (where is_right) as right_count,
        count(*) filter (where is_left and is_right) as matched,
        count(*) filter (where is_left and not is_right) as only_left,
        count(*) filter (where is_right and not is_left) as only_right,
        max(data_through_ts) as data_through_ts
    from seen
    group by report_day, ocs_id, campaign_id, pair

),

-- A group's view of its lists and the records tried: fewer tried than there are is no contradiction.
peaks as (

    select
        report_day,
        ocs_id,
        campaign_id,
        object_id as group_id,
        max(total_records) as peak_records
    from snapshots
    where total_records is not null and campaign_id is not null
    group by report_day, ocs_id, campaign_id, object_id

),

totals as (

    select
        report_day,
        ocs_id,
        campaign_id,
        -- Over groups, never over time.
        sum(peak_records)::bigint as listed_records
    from peaks
    group by report_day, ocs_id, campaign_id

),

tried as (

    select
        attempt_day as report_day,
        ocs_id,
        campaign_id,
        count(distinct calling_list_id || '/' || record_id) as records_tried,
        max(data_through_ts) as data_through_ts
    from attempts
    where record_id is not null
    group by attempt_day, ocs_id, campaign_id

),

records as (

    select
        totals.report_day,
        totals.ocs_id,
        totals.campaign_id,
        'listed_and_tried_records' as pair,
        totals.listed_records as left_count,
        coalesce(tried.records_tried, 0) as right_count,
        least(totals.listed_records, coalesce(tried.records_tried, 0)) as matched,
        greatest(totals.listed_records - coalesce(tried.records_tried, 0), 0) as only_left,
        greatest(coalesce(tried.records_tried, 0) - totals.listed_records, 0) as only_right,
        tried.data_through_ts
    from totals
    left join tried
        on
            totals.report_day = tried.report_day
            and totals.ocs_id = tried.ocs_id
            and totals.campaign_id = tried.campaign_id

),

together as (

    select * from counted
    union all
    select * from records

),

final as (

    select
        together.report_day,
        together.ocs_id,
        together.campaign_id,
        together.pair,
        pairs.left_source,
        pairs.right_source,
        together.left_count,
        together.right_count,
        together.matched,
        together.only_left,
        together.only_right,
        pairs.tolerance::numeric(9, 6) as tolerance,
        case
            when together.left_count = 0 and together.right_count = 0 then 'nothing to compare'
            when pairs.tolerance is null then 'for information'
            when
                (case when pairs.left_may_exceed then 0 else together.only_left end)
                + together.only_right
                <= pairs.tolerance * greatest(together.left_count, together.right_count)
                then 'agrees'
            else 'differs'
        end as verdict,
        together.data_through_ts,
        coalesce(completeness.completeness, 'unknown') as completeness,
        {{ audit_columns() }}
    from together
    left join pairs on together.pair = pairs.pair
    left join completeness
        on
            together.ocs_id = completeness.ocs_id
            and together.report_day = completeness.report_day

)

select * from final
