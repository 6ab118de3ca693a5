{{ config(materialized='view') }}
-- A chain that was not reached, open or given up, is censored at its last dial: it says that more
-- than so many were needed, not how many.
with

outcomes as (

    select * from {{ ref('int_chain_outcomes') }}
    where dials > 0

),

steps as (

    select
        outcomes.calling_list_id,
        numbers.dial_no,
        sum(outcomes.chains) filter (
            where coalesce(outcomes.first_human_dial_no, outcomes.dials) >= numbers.dial_no
        ) as chains_at_risk,
        sum(outcomes.chains) filter (where outcomes.first_human_dial_no = numbers.dial_no)
            as contacted_at_n,
        sum(outcomes.chains) filter (
            where
            outcomes.first_human_dial_no is null
            and outcomes.dials = numbers.dial_no
            and outcomes.is_open
        ) as censored_open_at_n,
        sum(outcomes.chains) filter (
            where
            outcomes.first_human_dial_no is null
            and outcomes.dials = numbers.dial_no
            and not outcomes.is_open
        ) as censored_ended_at_n,
        max(outcomes.data_through_ts) as data_through_ts,
        bool_or(outcomes.is_open) as has_open
    from outcomes
    cross join lateral generate_series(1, outcomes.dials) as numbers (dial_no)
    group by outcomes.calling_list_id, numbers.dial_no

),

counted as (

    select
        calling_list_id,
        dial_no::integer as dial_no,
        coalesce(chains_at_risk, 0)::bigint as chains_at_risk,
        coalesce(contacted_at_n, 0)::bigint as contacted_at_n,
        coalesce(censored_open_at_n, 0)::bigint as censored_open_at_n,
        coalesce(censored_ended_at_n, 0)::bigint as censored_ended_at_n,
        data_through_ts,
        has_open
    from steps
    where chains_at_risk > 0

),

final as (

    select
        calling_list_id,
        dial_no,
        chains_at_risk,
        contacted_at_n,
        censored_open_at_n + censored_ended_at_n as censored_at_n,
        censored_open_at_n,
        censored_ended_at_n,
        {{ share('contacted_at_n', 'chains_at_risk') }} as contact_share,
        -- The product of what is left after each dial; it ends where nobody is left.
        case
            when bool_or(contacted_at_n = chains_at_risk) over list_order then 0
            else exp(
                sum(ln(1 - least(contacted_at_n::numeric / chains_at_risk, 0.999999999)))
                    over list_order
            )
        end::numeric(9, 6) as survival,
        data_through_ts,
        case when has_open then 'partial' else 'complete' end as completeness
    from counted
    window list_order as (partition by calling_list_id order by dial_no)

)

select * from final
