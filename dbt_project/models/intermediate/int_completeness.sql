-- How complete the data of an OCS is, by report day, over the slots in which it was at work.
with

slots as (

    select * from {{ ref('mart_data_completeness') }}
    where
        {{ in_report_days('report_day') }}
        and source_role = 'gos'

),

-- A day on which no campaign is known to have been loaded is judged by all of its slots.
counted as (

    select
        source_dbid as ocs_id,
        report_day,
        count(*) filter (where is_active) as active_slots,
        {{ completeness_of('is_active') }} as active_completeness,
        {{ completeness_of('true') }} as any_completeness
    from slots
    group by source_dbid, report_day

),

final as (

    select
        ocs_id,
        report_day,
        case when active_slots > 0 then active_completeness else any_completeness end
            as completeness
    from counted

)

select * from final
