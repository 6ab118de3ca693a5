{{ config(materialized='view') }}
-- How far a list is, at each of its ten-minute snapshots. All figures of a row are of one instant:
-- the gauges as OCS told them, and what the attempts had made of the records by then.
with

snapshots as (

    select * from {{ ref('fct_list_metric_snapshot') }}
    where object_type = 'list' and is_received

),

records as (

    select * from {{ ref('fct_list_record') }}

),

completeness as (

    select * from {{ ref('mart_data_completeness') }}
    where source_role = 'gos'

),

compared as (

    select
        *,
        lag(total_records) over list_order as previous_total_records,
        lag(snapshot_ts) over list_order as previous_ts,
        lag(unprocessed_records) over list_order as previous_unprocessed_records,
        first_value(snapshot_ts) over last_hour as trailing_ts,
        first_value(unprocessed_records) over last_hour as trailing_unprocessed_records,
        row_number() over (
            partition by ocs_id, object_id, report_day order by snapshot_ts desc
        ) = 1 as is_day_end
    from snapshots
    window
        list_order as (partition by ocs_id, object_id, report_day order by snapshot_ts),
        last_hour as (
            partition by ocs_id, object_id, report_day
            order by snapshot_ts
            range between interval '1 hour' preceding and current row
        )

),

counted as (

    select
        compared.*,
        done.dialed_records,
        done.dialed_chains,
        done.completed_records,
        done.to_redial_records
    from compared
    cross join lateral (
        select
            count(*) filter (where records.first_dialed_ts <= compared.snapshot_ts)
                as dialed_records,
            count(distinct records.chain_id) filter (
                where records.first_dialed_ts <= compared.snapshot_ts
            ) as dialed_chains,
            count(*) filter (where records.completed_ts <= compared.snapshot_ts)
                as completed_records,
            count(*) filter (
                where
                records.first_dialed_ts <= compared.snapshot_ts
                and (
                    records.completed_ts is null
                    or records.completed_ts > compared.snapshot_ts
                )
            ) as to_redial_records
        from records
        where
            records.calling_list_id = compared.object_id
            and (
                records.first_dialed_ts <= compared.snapshot_ts
                or records.completed_ts <= compared.snapshot_ts
            )
    ) as done

),

-- A filter, or a list filled anew, takes records out of the view that were dialled before. Then
-- what was done cannot be set against what there is.
judged as (

    select
        *,
        dialed_records <= total_records
        and dialed_chains <= coalesce(total_chains, dialed_chains)
        and completed_records <= total_records as is_comparable
    from counted

),

final as (

    select
        judged.object_id as calling_list_id,
        judged.snapshot_ts,
        judged.report_day,
        judged.ocs_id,
        judged.is_day_end,
        judged.total_records,
        judged.total_chains,
        judged.unprocessed_records,
        judged.unprocessed_chains,
        judged.completed_records,
        judged.is_comparable,
        case when judged.is_comparable then judged.total_records - judged.completed_records end
            as available_records,
        judged.to_redial_records,
        case
            when judged.is_comparable
                then
                    judged.total_records
                    - judged.completed_records
                    - judged.to_redial_records
        end as not_dialed_records,
        judged.dialed_records,
        judged.dialed_chains,
        case
            when judged.is_comparable
                then {{ share('judged.dialed_records', 'judged.total_records') }}
        end as penetration_records,
        case
            when judged.is_comparable
                then {{ share('judged.dialed_chains', 'judged.total_chains') }}
        end as penetration_chains,
        case
            when judged.is_comparable
                then {{ share('judged.completed_records', 'judged.total_records') }}
        end as completed_share,
        {{ share('judged.unprocessed_records', 'judged.total_records') }}
            as unprocessed_share,
        -- Over an hour, for the vendor's two points jump; null where nothing moved.
        case
            when judged.trailing_unprocessed_records > judged.unprocessed_records
                then (
                    judged.unprocessed_records
                    * extract(epoch from judged.snapshot_ts - judged.trailing_ts)
                    / (judged.trailing_unprocessed_records - judged.unprocessed_records)
                )::bigint
        end as est_seconds_to_finish,
        case
            when judged.previous_unprocessed_records > judged.unprocessed_records
                then (
                    judged.unprocessed_records
                    * extract(epoch from judged.snapshot_ts - judged.previous_ts)
                    / (judged.previous_unprocessed_records - judged.unprocessed_records)
                )::bigint
        end as vendor_est_seconds,
        coalesce(judged.total_records <> judged.previous_total_records, false)
            as filter_changed,
        judged.snapshot_ts as data_through_ts,
        coalesce(completeness.completeness, 'unknown') as completeness
    from judged
    left join completeness
        on
            judged.ocs_id = completeness.source_dbid
            and {{ quarter('judged.snapshot_ts') }} = completeness.slot_start

)

select * from final
