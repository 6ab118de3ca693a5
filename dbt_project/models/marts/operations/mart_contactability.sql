{{ config(materialized='view') }}
-- When people of a list answer, by their own clock.
with

slots as (

    select * from {{ ref('int_contactability') }}

),

records as (

    select * from {{ ref('fct_list_record') }}

),

counted as (

    select
        calling_list_id,
        contact_info_type_key,
        local_day_of_week,
        local_hour,
        sum(dials)::bigint as dials,
        sum(human)::bigint as human,
        sum(attempts_before)::bigint as attempts_before,
        max(data_through_ts) as data_through_ts,
        {{ completeness_of('true') }} as completeness
    from slots
    group by calling_list_id, contact_info_type_key, local_day_of_week, local_hour

),

-- Few lists have more than a handful of different windows.
windows as (

    select
        calling_list_id,
        contact_info_type_key,
        coalesce(daily_from_seconds, 0) as from_seconds,
        coalesce(daily_till_seconds, 86400) as till_seconds,
        count(*) as leads
    from records
    group by calling_list_id, contact_info_type_key, from_seconds, till_seconds

),

dialable as (

    select
        windows.calling_list_id,
        windows.contact_info_type_key,
        hours.local_hour,
        sum(windows.leads) filter (
            where
            windows.from_seconds < (hours.local_hour + 1) * 3600
            and windows.till_seconds > hours.local_hour * 3600
        ) as dialable_leads,
        sum(windows.leads) as leads
    from windows
    cross join generate_series(0, 23) as hours (local_hour)
    group by windows.calling_list_id, windows.contact_info_type_key, hours.local_hour

),

final as (

    select
        counted.calling_list_id,
        counted.contact_info_type_key,
        counted.local_day_of_week,
        counted.local_hour,
        counted.dials,
        counted.human,
        {{ share('counted.human', 'counted.dials') }} as contact_rate,
        {{ wilson('counted.human', 'counted.dials', 'low') }} as contact_rate_low,
        {{ wilson('counted.human', 'counted.dials', 'high') }} as contact_rate_high,
        coalesce(dialable.dialable_leads, 0)::bigint as dialable_leads,
        coalesce(dialable.leads, 0)::bigint as leads,
        {{ share('coalesce(dialable.dialable_leads, 0)', 'dialable.leads') }}
            as share_of_leads_dialable,
        (counted.attempts_before::numeric / counted.dials)::numeric(9, 3)
            as avg_attempts_before,
        counted.data_through_ts,
        counted.completeness
    from counted
    left join dialable
        on
            counted.calling_list_id = dialable.calling_list_id
            and counted.contact_info_type_key = dialable.contact_info_type_key
            and counted.local_hour = dialable.local_hour

)

select * from final
