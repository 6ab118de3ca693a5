-- Chains counted by how many dials they took and which was the first that reached a person; kept
-- by day of termination, so that a day can be taken out and put back.
{{
    config(
        materialized='incremental',
        unlogged=false,
        pre_hook="{{ delete_window('chain') }}",
        indexes=[{'columns': ['final_day']}, {'columns': ['calling_list_id']}],
    )
}}
with

chains as (

    select * from {{ ref('fct_chain') }}
    where {{ in_window('chain') }}

),

final as (

    select
        final_day,
        is_open,
        campaign_id,
        calling_list_id,
        possible_dials as dials,
        first_human_dial_no,
        count(*) as chains,
        max(data_through_ts) as data_through_ts
    from chains
    group by
        final_day, is_open, campaign_id, calling_list_id, possible_dials, first_human_dial_no

)

select * from final
