{{ config(meta={'dagster': {'ref': {'name': 'mart_campaign_day'}}}) }}
-- The same attempts, counted by quarters of an hour and by days.
with

quarters as (

    select
        report_day,
        ocs_id,
        campaign_id,
        group_id,
        calling_list_id,
        dialing_mode_key,
        sum(attempts) as attempts,
        sum(dials_made) as dials_made,
        sum(live_answers) as live_answers,
        sum(abandoned) as abandoned,
        sum(calls) as calls
    from {{ ref('mart_campaign_interval') }}
    where {{ in_report_days('report_day') }}
    group by report_day, ocs_id, campaign_id, group_id, calling_list_id, dialing_mode_key

),

days as (

    select
        report_day,
        ocs_id,
        campaign_id,
        group_id,
        calling_list_id,
        dialing_mode_key,
        attempts,
        dials_made,
        live_answers,
        abandoned,
        calls
    from {{ ref('mart_campaign_day') }}
    where {{ in_report_days('report_day') }}

),

only_quarters as (

    select * from quarters
    except
    select * from days

),

only_days as (

    select * from days
    except
    select * from quarters

),

final as (

    select * from only_quarters
    union all
    select * from only_days

)

select * from final
