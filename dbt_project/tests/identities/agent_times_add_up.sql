{{ config(meta={'dagster': {'ref': {'name': 'mart_agent_outbound'}}}) }}
-- What agents did by quarter of an hour is what they did at attempts.
with

work as (

    select
        attempt_day as report_day,
        agent_id,
        coalesce(sum(preview_ms), 0) as preview_ms,
        coalesce(sum(engage_ms), 0) as engage_ms,
        coalesce(sum(hold_ms), 0) as hold_ms,
        coalesce(sum(wrap_ms), 0) as wrap_ms
    from {{ ref('fct_agent_attempt') }}
    where {{ in_report_days('attempt_day') }}
    group by attempt_day, agent_id

),

quarters as (

    select
        report_day,
        agent_id,
        sum(preview_ms) as preview_ms,
        sum(engage_ms) as engage_ms,
        sum(hold_ms) as hold_ms,
        sum(wrap_ms) as wrap_ms
    from {{ ref('mart_agent_outbound') }}
    where {{ in_report_days('report_day') }}
    group by report_day, agent_id

),

only_work as (

    select * from work
    except
    select * from quarters

),

only_quarters as (

    select * from quarters
    except
    select * from work

),

final as (

    select * from only_work
    union all
    select * from only_quarters

)

select * from final
